import type { Endpoints, EndpointAddress, EndpointSubset } from '#shared/api/types/core-v1.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { validateProtocolPort } from '#shared/api/core/service-port.ts';
import { validateEndpointIp } from '#shared/api/core/endpoint-ip.ts';
import { invalidEach, isClean, legacyIp } from '#shared/kube/checks.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import { required } from '#shared/kube/field-error.ts';
import { dns1123Label, dns1123Subdomain } from '#shared/kube/names.ts';
import { resource } from '#shared/kube/resource.ts';

export const endpoints = resource<Endpoints>({
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  plural: 'endpoints',
  singular: 'endpoints',
  scope: 'Namespaced',
  shortNames: ['ep'],
  type: 'core.v1.Endpoints',
  storage: { prefix: '/registry/services/endpoints' },
  default({ subsets }) {
    for (const { ports } of subsets ?? []) {
      for (const port of ports ?? []) if (!port.protocol) port.protocol = 'TCP';
    }
  },
  metadata: { onUpdate: ['update', 'create'] },
  validate: ({ subsets }) => validateSubsets(subsets ?? []),
  *validateUpdate({ subsets }, old) {
    const errors = validateSubsets(subsets ?? []);
    if (isClean(errors) || semanticEqual(subsets, old.subsets)) return;
    yield* validateSubsets(subsets ?? []);
  },
  warnings: () => ['v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice'],
  columns: [nameColumn, { name: 'Endpoints', value: formatEndpoints }, ageColumn],
});

function* validateSubsets(subsets: readonly EndpointSubset[]): Iterable<FieldError> {
  for (const [index, subset] of subsets.entries()) {
    const path = `subsets[${index}]`;
    const { addresses = [], notReadyAddresses = [], ports = [] } = subset;
    if (addresses.length === 0 && notReadyAddresses.length === 0) {
      yield required(path, 'must specify `addresses` or `notReadyAddresses`');
    }
    for (const list of ['addresses', 'notReadyAddresses'] as const) {
      for (const [at, address] of (subset[list] ?? []).entries()) {
        yield* validateAddress(address, `${path}.${list}[${at}]`);
      }
    }
    for (const [at, port] of ports.entries()) {
      const field = `${path}.ports[${at}]`;
      if (!port.name) {
        if (ports.length > 1) yield required(`${field}.name`);
      } else yield* invalidEach(`${field}.name`, port.name, dns1123Label(port.name));
      yield* validateProtocolPort(port, field);
    }
  }
}

function* validateAddress(
  { ip, hostname, nodeName }: EndpointAddress,
  field: string,
): Iterable<FieldError> {
  yield* legacyIp(ip, `${field}.ip`);
  if (hostname) yield* invalidEach(`${field}.hostname`, hostname, dns1123Label(hostname));
  if (nodeName !== undefined) {
    yield* invalidEach(`${field}.nodeName`, nodeName, dns1123Subdomain(nodeName));
  }
  yield* validateEndpointIp(ip, `${field}.ip`);
}

/** The first three of them. */
function formatEndpoints({ subsets = [] }: Endpoints): string {
  const all = subsets.flatMap(({ addresses = [], ports = [] }) =>
    ports.length === 0
      ? addresses.map(({ ip }) => ip)
      : ports.flatMap(({ port }) =>
          addresses.map(({ ip }) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`)),
        ),
  );
  if (subsets.length === 0) return '<none>';
  const text = all.slice(0, 3).join(',');
  return all.length > 3 ? `${text} + ${all.length - 3} more...` : text;
}
