import type { EndpointSlice } from '#shared/api/types/discovery-v1.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import { validateEndpoints } from '#shared/api/discovery/endpoints.ts';
import { countGeneration, startGeneration } from '#shared/api/strategies.ts';
import { invalidEach, unchanged } from '#shared/kube/checks.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { duplicateValue, notSupported, required, tooMany } from '#shared/kube/field-error.ts';
import { dns1123Label, qualifiedName } from '#shared/kube/names.ts';
import type { Draft } from '#shared/kube/object.ts';
import { resource } from '#shared/kube/resource.ts';

export const endpointSlices = resource<EndpointSlice>({
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  singular: 'endpointslice',
  scope: 'Namespaced',
  type: 'discovery.v1.EndpointSlice',
  storage: { prefix: '/registry/endpointslices' },
  lifecycle: { generation: true },
  default({ ports }) {
    for (const port of ports ?? []) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
  },
  prepareForCreate(draft) {
    startGeneration(draft);
    for (const endpoint of draft.endpoints ?? []) delete endpoint.deprecatedTopology;
  },
  prepareForUpdate(draft, old) {
    const content = ({ metadata, ...others }: Draft<EndpointSlice> | EndpointSlice): unknown => [
      metadata.labels,
      others,
    ];
    countGeneration(draft, old, { value: content(draft), before: content(old) });
    if (!semanticEqual(old.endpoints, draft.endpoints)) dropTopology(draft, old);
  },
  metadata: { onUpdate: ['create'] },
  *validate({ addressType, ports, endpoints }) {
    yield* validateAddressType(addressType);
    yield* validatePorts(ports ?? []);
    yield* validateEndpoints(endpoints ?? [], addressType);
  },
  *validateUpdate({ addressType, ports, endpoints }, old) {
    yield* validateAddressType(addressType);
    yield* validatePorts(ports ?? []);
    if (!semanticEqual(old.endpoints, endpoints)) {
      yield* validateEndpoints(endpoints ?? [], addressType);
    }
    yield* unchanged(addressType ?? '', old.addressType, 'addressType');
  },
  *warnings({ addressType }) {
    if (addressType === 'FQDN') yield 'spec.addressType: FQDN endpoints are deprecated';
  },
  columns: [
    nameColumn,
    { name: 'AddressType', value: ({ addressType }) => addressType },
    {
      name: 'Ports',
      value: ({ ports }) =>
        atMostThree((ports ?? []).map(({ port, name }) => String(port ?? name ?? '*'))),
    },
    {
      name: 'Endpoints',
      value: ({ endpoints }) => atMostThree((endpoints ?? []).flatMap((item) => item.addresses)),
    },
    ageColumn,
  ],
});

const addressTypes = ['FQDN', 'IPv4', 'IPv6'];
const protocols = ['SCTP', 'TCP', 'UDP'];
const mostPorts = 20_000;
const hostnameLabel = 'kubernetes.io/hostname';

/** The field of former versions goes; a node's name that it holds already moves where it belongs. */
function dropTopology(draft: Draft<EndpointSlice>, old: EndpointSlice): void {
  const known = new Set(
    (old.endpoints ?? []).flatMap((endpoint) => endpoint.deprecatedTopology?.[hostnameLabel] ?? []),
  );
  for (const endpoint of draft.endpoints ?? []) {
    const name = endpoint.deprecatedTopology?.[hostnameLabel];
    if (name !== undefined && known.has(name)) endpoint.nodeName ??= name;
    delete endpoint.deprecatedTopology;
  }
}

function* validateAddressType(type: string | undefined): Iterable<FieldError> {
  if (!type) yield required('addressType');
  else if (!addressTypes.includes(type)) yield notSupported('addressType', type, addressTypes);
}

function* validatePorts(ports: EndpointSlice['ports']): Iterable<FieldError> {
  if (ports.length > mostPorts) yield tooMany('ports', ports.length, mostPorts);
  const names = new Set<string>();
  for (const [index, { name = '', protocol, appProtocol }] of ports.entries()) {
    const path = `ports[${index}]`;
    if (name) yield* invalidEach(`${path}.name`, name, dns1123Label(name));
    if (names.has(name)) yield duplicateValue(`${path}.name`, name);
    names.add(name);
    if (!protocols.includes(protocol ?? '')) {
      yield notSupported(`${path}.protocol`, protocol, protocols);
    }
    if (appProtocol !== undefined) {
      yield* invalidEach(`${path}.appProtocol`, appProtocol, qualifiedName(appProtocol));
    }
  }
}

function atMostThree(items: readonly string[]): string {
  const shown = 3;
  const text = items.slice(0, shown).join(',') || '<unset>';
  return items.length > shown ? `${text} + ${items.length - shown} more...` : text;
}
