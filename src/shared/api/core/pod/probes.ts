import type {
  ExecAction,
  GRPCAction,
  HTTPGetAction,
  Lifecycle,
  Probe,
  SleepAction,
  TCPSocketAction,
} from '#shared/api/types/core-v1.ts';
import type { PodContext } from '#shared/api/core/pod/context.ts';
import { validateStopSignal } from '#shared/api/core/pod/stop-signal.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach, nonNegative, portNumberOrName } from '#shared/kube/checks.ts';
import { forbiddenValue, invalidValue, notSupported, required } from '#shared/kube/field-error.ts';
import { httpHeaderName } from '#shared/kube/names.ts';

interface Handler {
  readonly exec?: ExecAction;
  readonly httpGet?: HTTPGetAction;
  readonly tcpSocket?: TCPSocketAction;
  readonly grpc?: GRPCAction;
  readonly sleep?: SleepAction;
}

type Probed = {
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly startupProbe?: Probe;
};

const handlers = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const;
const durations = [
  'initialDelaySeconds',
  'timeoutSeconds',
  'periodSeconds',
  'successThreshold',
  'failureThreshold',
] as const;

export function* validateProbes(
  { livenessProbe, readinessProbe, startupProbe }: Probed,
  path: string,
  context: PodContext,
): Iterable<FieldError> {
  if (livenessProbe) {
    yield* validateProbe(livenessProbe, `${path}.livenessProbe`, context);
    yield* succeedsOnce(livenessProbe, `${path}.livenessProbe`);
  }
  if (readinessProbe) {
    const field = `${path}.readinessProbe`;
    yield* validateProbe(readinessProbe, field, context);
    if (readinessProbe.terminationGracePeriodSeconds !== undefined) {
      yield invalidValue(
        `${field}.terminationGracePeriodSeconds`,
        readinessProbe.terminationGracePeriodSeconds,
        'must not be set for readinessProbes',
      );
    }
  }
  if (startupProbe) {
    yield* validateProbe(startupProbe, `${path}.startupProbe`, context);
    yield* succeedsOnce(startupProbe, `${path}.startupProbe`);
  }
}

function* succeedsOnce({ successThreshold = 0 }: Probe, field: string): Iterable<FieldError> {
  if (successThreshold !== 1) {
    yield invalidValue(`${field}.successThreshold`, successThreshold, 'must be 1');
  }
}

function* validateProbe(probe: Probe, field: string, context: PodContext): Iterable<FieldError> {
  yield* validateHandler(probe, field, context);
  for (const member of durations) yield* nonNegative(probe[member], `${field}.${member}`);
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace <= 0) {
    yield invalidValue(`${field}.terminationGracePeriodSeconds`, grace, 'must be greater than 0');
  }
}

export function* validateLifecycle(
  { postStart, preStop, stopSignal }: Lifecycle,
  field: string,
  context: PodContext,
): Iterable<FieldError> {
  if (postStart) yield* validateHandler(postStart, `${field}.postStart`, context);
  if (preStop) yield* validateHandler(preStop, `${field}.preStop`, context);
  if (stopSignal !== undefined) {
    yield* validateStopSignal(stopSignal, `${field}.stopSignal`, context.os);
  }
}

function* validateHandler(
  handler: Handler,
  field: string,
  context: PodContext,
): Iterable<FieldError> {
  let count = 0;
  for (const member of handlers) {
    if (handler[member] === undefined) continue;
    const path = `${field}.${member}`;
    if (count > 0) yield forbiddenValue(path, 'may not specify more than 1 handler type');
    else yield* validateAction(handler, member, path, context.gracePeriod);
    count = 1;
  }
  if (count === 0) yield required(field, 'must specify a handler type');
}

function* validateAction(
  handler: Handler,
  member: (typeof handlers)[number],
  field: string,
  gracePeriod: number | undefined,
): Iterable<FieldError> {
  switch (member) {
    case 'exec':
      if (!handler.exec?.command?.length) yield required(`${field}.command`);
      break;
    case 'httpGet':
      yield* validateHttpGet(handler.httpGet!, field);
      break;
    case 'tcpSocket':
      yield* portNumberOrName(handler.tcpSocket?.port, `${field}.port`);
      break;
    case 'grpc':
      yield* portNumberOrName(handler.grpc?.port, `${field}.port`);
      break;
    case 'sleep': {
      const seconds = handler.sleep?.seconds ?? 0;
      if (gracePeriod !== undefined && (seconds < 0 || seconds > gracePeriod)) {
        yield invalidValue(
          field,
          seconds,
          `must be non-negative and less than terminationGracePeriodSeconds (${gracePeriod})`,
        );
      }
    }
  }
}

function* validateHttpGet(http: HTTPGetAction, field: string): Iterable<FieldError> {
  const { path, port, scheme = '', httpHeaders = [] } = http;
  if (!path) yield required(`${field}.path`);
  yield* portNumberOrName(port, `${field}.port`);
  if (scheme !== 'HTTP' && scheme !== 'HTTPS') {
    yield notSupported(`${field}.scheme`, scheme, ['HTTP', 'HTTPS']);
  }
  for (const { name = '' } of httpHeaders) {
    yield* invalidEach(`${field}.httpHeaders`, name, httpHeaderName(name));
  }
}
