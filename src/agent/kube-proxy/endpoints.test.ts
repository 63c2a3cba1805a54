import { expect, test } from 'vitest';
import { chooseEndpoints, endpointsOf, type Place } from '#agent/kube-proxy/endpoints.ts';
import { type ServicePort, servicePortsOf } from '#agent/kube-proxy/service-port.ts';
import type { Service } from '#shared/api/types/core-v1.ts';
import type { Endpoint, EndpointSlice } from '#shared/api/types/discovery-v1.ts';

const here: Place = { nodeName: 'n1', zone: 'z1' };

/** `a n1 z1 node:n1 zone:z1 ready`: name, node, zone, hints, state. */
function endpoint(text: string): Endpoint {
  const [name = '', nodeName = '', ...words] = text.split(' ');
  const hinted = (kind: string): { name: string }[] =>
    words
      .filter((word) => word.startsWith(`${kind}:`))
      .map((word) => ({ name: word.slice(kind.length + 1) }));
  const isReady = !words.includes('unready') && !words.includes('leaving');
  return {
    addresses: [`10.0.0.${name.charCodeAt(0) - 96}`],
    nodeName,
    conditions: {
      ready: isReady,
      serving: isReady || words.includes('leaving'),
      terminating: words.includes('leaving'),
    },
    hints: { forNodes: hinted('node'), forZones: hinted('zone') },
  };
}

function slice(endpoints: readonly Endpoint[], more: Partial<EndpointSlice> = {}): EndpointSlice {
  return {
    addressType: 'IPv4',
    endpoints,
    ports: [{ name: '', port: 80, protocol: 'TCP' }],
    ...more,
  } as EndpointSlice;
}

function servicePort(spec: Partial<Service['spec']> = {}): ServicePort {
  const service = {
    metadata: { namespace: 'n', name: 's' },
    spec: { clusterIP: '10.96.0.9', ports: [{ port: 80, protocol: 'TCP' }], ...spec },
  } as unknown as Service;
  return servicePortsOf(service)[0]!;
}

const nodePort = { type: 'NodePort', ports: [{ port: 80, nodePort: 30_000 }] } as const;

test.for<
  [string, string[], Partial<Service['spec']>, { cluster: string; local: string; hasAny: boolean }]
>([
  [
    'every ready one',
    ['a n1', 'b n2', 'c n1 unready'],
    {},
    { cluster: 'ab', local: '', hasAny: true },
  ],
  [
    'those leaving that still serve, when no other is',
    ['a n1 leaving', 'b n2 unready'],
    {},
    { cluster: 'a', local: '', hasAny: true },
  ],
  ['none', ['a n1 unready'], {}, { cluster: '', local: '', hasAny: false }],
  [
    'zones: those meant for here',
    ['a n1 zone:z1', 'b n2 zone:z2'],
    {},
    { cluster: 'a', local: '', hasAny: true },
  ],
  [
    'zones: all, when one has no hint',
    ['a n1 zone:z1', 'b n2'],
    {},
    { cluster: 'ab', local: '', hasAny: true },
  ],
  [
    'zones: all, when none is meant for here',
    ['a n3 zone:z3', 'b n2 zone:z2'],
    {},
    { cluster: 'ab', local: '', hasAny: true },
  ],
  [
    'nodes before zones',
    ['a n1 node:n1 zone:z1', 'b n2 node:n2 zone:z1'],
    {},
    { cluster: 'a', local: '', hasAny: true },
  ],
  [
    'zones, when no node hint is for here',
    ['a n3 node:n3 zone:z1', 'b n2 node:n2 zone:z2'],
    {},
    { cluster: 'a', local: '', hasAny: true },
  ],
  [
    'local inside: this node’s only',
    ['a n1', 'b n2'],
    { internalTrafficPolicy: 'Local' },
    { cluster: '', local: 'a', hasAny: true },
  ],
  [
    'local inside: elsewhere only',
    ['b n2'],
    { internalTrafficPolicy: 'Local' },
    { cluster: '', local: '', hasAny: true },
  ],
  [
    'local outside: both, for what comes from here',
    ['a n1', 'b n2'],
    { ...nodePort, externalTrafficPolicy: 'Local' },
    { cluster: 'ab', local: 'a', hasAny: true },
  ],
  [
    'local outside: leaving ones of this node',
    ['a n1 leaving', 'b n2'],
    { ...nodePort, externalTrafficPolicy: 'Local' },
    { cluster: 'b', local: 'a', hasAny: true },
  ],
])('endpoints: %s', ([, endpoints, spec, expected]) => {
  const port = servicePort(spec);
  const chosen = chooseEndpoints(
    endpointsOf([slice(endpoints.map(endpoint))], port, here),
    here,
    port,
  );
  const names = (list: readonly { ip: string }[]): string =>
    list.map(({ ip }) => String.fromCharCode(96 + Number(ip.split('.')[3]))).join('');
  expect({ ...chosen, cluster: names(chosen.cluster), local: names(chosen.local) }).toEqual(
    expected,
  );
});

test('an endpoint in two slices counts once, and as ready if one of them says so', () => {
  const slices = [
    slice([endpoint('a n1 unready')]),
    slice([endpoint('a n1')]),
    slice([endpoint('a n1 unready')]),
  ];
  expect(endpointsOf(slices, servicePort(), here)).toMatchObject([
    { ip: '10.0.0.1', isReady: true },
  ]);
});

test('slices of other families, ports and protocols are not this port’s', () => {
  const slices = [
    slice([endpoint('a n1')], { addressType: 'IPv6' }),
    slice([endpoint('b n1')], { ports: [{ name: 'other', port: 80, protocol: 'TCP' }] }),
    slice([endpoint('c n1')], { ports: [{ name: '', port: 80, protocol: 'UDP' }] }),
    slice([endpoint('d n1')], { ports: [{ port: 8080 }] }),
  ];
  expect(endpointsOf(slices, servicePort(), here)).toMatchObject([{ ip: '10.0.0.4', port: 8080 }]);
});

test.for<[string, Partial<Service['spec']>, Record<string, string>]>([
  ['headless', { clusterIP: 'None', clusterIPs: ['None'] }, {}],
  ['external', { type: 'ExternalName', clusterIP: '' }, {}],
  ['of another family', { clusterIP: 'fd00::1', clusterIPs: ['fd00::1'] }, {}],
  ['another proxy’s', {}, { 'service.kubernetes.io/service-proxy-name': 'other' }],
])('services that this proxy leaves alone: %s', ([, spec, labels]) => {
  const service = {
    metadata: { namespace: 'n', name: 's', labels },
    spec: { clusterIP: '10.96.0.9', ports: [{ port: 80 }], ...spec },
  } as unknown as Service;
  expect(servicePortsOf(service)).toEqual([]);
});
