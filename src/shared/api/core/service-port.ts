import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach } from '#shared/kube/checks.ts';
import { notSupported, required } from '#shared/kube/field-error.ts';
import { portNumber, qualifiedName } from '#shared/kube/names.ts';

export const protocols = ['SCTP', 'TCP', 'UDP'];

interface ProtocolPort {
  readonly port: number;
  readonly protocol?: string;
  readonly appProtocol?: string;
}

/** Number, protocol and application protocol of a port that is served. */
export function* validateProtocolPort(
  { port, protocol, appProtocol }: ProtocolPort,
  field: string,
): Iterable<FieldError> {
  yield* validatePortAndProtocol({ port, ...(protocol && { protocol }) }, field);
  if (appProtocol !== undefined) {
    yield* invalidEach(`${field}.appProtocol`, appProtocol, qualifiedName(appProtocol));
  }
}

export function* validatePortAndProtocol(
  { port, protocol }: ProtocolPort,
  field: string,
): Iterable<FieldError> {
  yield* invalidEach(`${field}.port`, port, portNumber(port));
  if (!protocol) yield required(`${field}.protocol`);
  else if (!protocols.includes(protocol)) {
    yield notSupported(`${field}.protocol`, protocol, protocols);
  }
}
