import { describe, expect, test } from 'vitest';
import type { Node, Service } from '#shared/api/types/core-v1.ts';
import { AddressPool } from './address-pool.ts';
import { planAddresses, type Plan } from './load-balancer.ts';

interface NodeParts {
  readonly external?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly taint?: string;
  readonly ready?: string;
}

function node(name: string, address: string, parts: NodeParts = {}): Node {
  const { external, labels = {}, taint, ready = 'True' } = parts;
  return {
    metadata: { name, labels },
    spec: taint ? { taints: [{ key: taint, effect: 'NoSchedule' }] } : {},
    status: {
      conditions: [{ type: 'Ready', status: ready }],
      addresses: [
        { type: 'InternalIP', address },
        ...(external ? [{ type: 'ExternalIP', address: external }] : []),
        { type: 'InternalIP', address: `fd00::${name.length}` },
        { type: 'Hostname', address: name },
      ],
    },
  } as unknown as Node;
}

let born = 0;

function service(name: string, spec: object = {}, ingress: readonly string[] = []): Service {
  const at = new Date(Date.UTC(2026, 0, 1) + 1000 * born++).toISOString();
  return {
    metadata: { namespace: 'default', name, uid: name, creationTimestamp: at },
    spec: { type: 'LoadBalancer', ports: [{ port: 80, protocol: 'TCP' }], ...spec },
    status: { loadBalancer: { ingress: ingress.map((ip) => ({ ip, ipMode: 'VIP' })) } },
  } as unknown as Service;
}

interface Around {
  readonly nodes?: readonly Node[];
  readonly others?: readonly Service[];
  readonly local?: readonly string[];
  readonly pool?: readonly string[];
}

const two = [node('a', '10.0.0.1'), node('b', '10.0.0.2')];

function plan(of: Service, { nodes = two, others = [], local = [], pool }: Around = {}): Plan {
  return planAddresses(of, {
    nodes,
    services: [...others, of],
    local: () => new Set(local),
    pool: pool && new AddressPool(pool),
  });
}

describe('the addresses of the nodes', () => {
  test.each<[string, object, Around, Plan]>([
    ['all of them', {}, {}, { addresses: ['10.0.0.1', '10.0.0.2'] }],
    [
      'the public one of a node that has one',
      {},
      { nodes: [node('a', '10.0.0.1', { external: '1.2.3.4' })] },
      { addresses: ['1.2.3.4'] },
    ],
    [
      'of the families of the service',
      { ipFamilies: ['IPv6', 'IPv4'] },
      { nodes: [node('a', '10.0.0.1')] },
      { addresses: ['10.0.0.1', 'fd00::1'] },
    ],
    [
      'not of nodes that are excluded',
      {},
      {
        nodes: [
          two[0]!,
          node('x', '10.0.0.3', {
            labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': '' },
          }),
        ],
      },
      { addresses: ['10.0.0.1'] },
    ],
    [
      'not of nodes that are about to go',
      {},
      { nodes: [two[0]!, node('x', '10.0.0.3', { taint: 'ToBeDeletedByClusterAutoscaler' })] },
      { addresses: ['10.0.0.1'] },
    ],
    [
      'not of nodes that are not ready',
      {},
      { nodes: [two[0]!, node('x', '10.0.0.3', { ready: 'Unknown' })] },
      { addresses: ['10.0.0.1'] },
    ],
    [
      'not of simulated nodes',
      {},
      { nodes: [node('s', '100.64.0.1', { labels: { 'pilothouse.dev/simulated': 'true' } })] },
      'no nodes',
    ],
    [
      'only of those with endpoints when the traffic is to stay local',
      { externalTrafficPolicy: 'Local' },
      { local: ['b'] },
      { addresses: ['10.0.0.2'] },
    ],
  ])('%s', (_, spec, around, expected) => {
    expect(plan(service('web', spec), around)).toEqual(expected);
  });

  test('a port belongs to the older service, and to the one that has it already', () => {
    const [older, younger] = [service('older'), service('younger')];
    expect(plan(older, { others: [younger] })).toHaveProperty('addresses');
    const taken = expect.stringContaining(
      'port 80/TCP of the nodes is taken by service default/older',
    );
    expect(plan(younger, { others: [older] })).toEqual({ problem: taken });
    const holder = service('holder', {}, ['10.0.0.1']);
    expect(plan(older, { others: [holder] })).toHaveProperty('problem');
    const udp = service('udp', { ports: [{ port: 80, protocol: 'UDP' }] });
    expect(plan(udp, { others: [older] })).toHaveProperty('addresses');
  });

  test.each([22, 10250])('port %d is the node’s own', (port) => {
    expect(plan(service('ssh', { ports: [{ port, protocol: 'TCP' }] }))).toEqual({
      problem: expect.stringContaining(`port ${port} of the nodes belongs to`),
    });
  });
});

describe('a pool of addresses', () => {
  const pool = ['192.168.1.8-192.168.1.9', 'fd00:1::/126'];

  test.each<[string, Service, Around, Plan]>([
    [
      'the first free one',
      service('web'),
      { others: [service('x', {}, ['192.168.1.8'])] },
      { addresses: ['192.168.1.9'] },
    ],
    ['the one it has', service('web', {}, ['192.168.1.9']), {}, { addresses: ['192.168.1.9'] }],
    [
      'another, when what it has is not of the pool',
      service('web', {}, ['10.0.0.1']),
      {},
      { addresses: ['192.168.1.8'] },
    ],
    [
      'the one it asks for',
      service('web', { loadBalancerIP: '192.168.1.9' }),
      {},
      { addresses: ['192.168.1.9'] },
    ],
    [
      'one of each family',
      service('web', { ipFamilies: ['IPv4', 'IPv6'] }),
      {},
      { addresses: ['192.168.1.8', 'fd00:1::'] },
    ],
    [
      'none that is taken',
      service('web', { loadBalancerIP: '192.168.1.9' }),
      { others: [service('x', {}, ['192.168.1.9'])] },
      { problem: 'address 192.168.1.9 is taken or not in the address pool' },
    ],
    [
      'none when none is left',
      service('web'),
      { others: [service('x', {}, ['192.168.1.8', '192.168.1.9'])] },
      { problem: 'the address pool has no free IPv4 address left' },
    ],
    [
      'the port 22 is nobody’s there',
      service('web', { ports: [{ port: 22 }] }),
      {},
      { addresses: ['192.168.1.8'] },
    ],
  ])('%s', (_, of, around, expected) => {
    expect(plan(of, { ...around, pool })).toEqual(expected);
  });

  test.each(['192.168.1', '10.0.0.9-10.0.0.1', '10.0.0.1-fd00::1', '10.0.0.0/8'])(
    '%s is none',
    (entry) => {
      expect(() => new AddressPool([entry])).toThrow(`Cannot use "${entry}" in the address pool`);
    },
  );
});
