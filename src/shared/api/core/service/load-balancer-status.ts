import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach, legacyIp } from '#shared/kube/checks.ts';
import { forbiddenValue, invalidValue, notSupported, required } from '#shared/kube/field-error.ts';
import { parseIp } from '#shared/kube/ip.ts';
import { dns1123Subdomain } from '#shared/kube/names.ts';

interface Ingress {
  readonly ip?: string;
  readonly ipMode?: string;
  readonly hostname?: string;
}

interface LoadBalancer {
  readonly ingress?: readonly Ingress[];
}

export function* validateLoadBalancerStatus(
  { ingress = [] }: LoadBalancer,
  old: LoadBalancer,
  isLoadBalancer: boolean,
): Iterable<FieldError> {
  const field = 'status.loadBalancer.ingress';
  if (!isLoadBalancer) {
    if (ingress.length > 0) {
      yield forbiddenValue(field, "may only be used when `spec.type` is 'LoadBalancer'");
    }
    return;
  }
  const known = (old.ingress ?? []).flatMap(({ ip }) => ip ?? []);
  for (const [index, item] of ingress.entries()) {
    const path = `${field}[${index}]`;
    if (item.ip) yield* legacyIp(item.ip, `${path}.ip`, known);
    yield* validateMode(item, `${path}.ipMode`);
    yield* validateHostname(item.hostname, `${path}.hostname`);
  }
}

function* validateMode({ ip, ipMode }: Ingress, field: string): Iterable<FieldError> {
  const modes = ['Proxy', 'VIP'];
  if (ipMode === undefined) {
    if (ip) yield required(field, 'must be specified when `ip` is set');
  } else if (!ip) yield forbiddenValue(field, 'may not be specified when `ip` is not set');
  else if (!modes.includes(ipMode)) yield notSupported(field, ipMode, modes);
}

export function* validateHostname(
  hostname: string | undefined,
  field: string,
): Iterable<FieldError> {
  if (!hostname) return;
  yield* invalidEach(field, hostname, dns1123Subdomain(hostname));
  if (parseIp(hostname)) {
    yield invalidValue(field, hostname, 'must be a DNS name, not an IP address');
  }
}
