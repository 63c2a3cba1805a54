import { expect, test } from 'vitest';
import type { Namespace, Node, Pod } from '#shared/api/types/core-v1.ts';
import type { NetworkPolicy, NetworkPolicySpec } from '#shared/api/types/networking-v1.ts';
import {
  createPolicyModel,
  evaluate,
  meaningOf,
  reachablePorts,
  reachChanges,
  type Endpoint,
  type PolicyWorld,
  type Protocol,
} from '#shared/policy/index.ts';

const namespaces = ['x', 'y', 'z'].map(
  (name) =>
    ({ kind: 'Namespace', metadata: { name, labels: { ns: name } } }) as unknown as Namespace,
);

function pod(name: string, more: { node?: string; hostNetwork?: boolean; ip?: string } = {}): Pod {
  const [namespace = '', own = ''] = name.split('/');
  const place = 'xyz'.indexOf(namespace) * 10 + 'abc'.indexOf(own) + 1;
  return {
    metadata: { namespace, name: own, labels: { pod: own } },
    spec: {
      nodeName: more.node ?? 'n1',
      hostNetwork: more.hostNetwork,
      containers: [
        { name: 'c', ports: [{ name: 'web', containerPort: 80 }, { containerPort: 81 }] },
        { name: 'd', ports: [{ name: 'dns', containerPort: 53, protocol: 'UDP' }] },
      ],
    },
    status: { phase: 'Running', podIPs: [{ ip: more.ip ?? `10.244.1.${place}` }] },
  } as unknown as Pod;
}

const nodes = ['n1', 'n2'].map(
  (name, index) =>
    ({
      metadata: { name },
      status: { addresses: [{ type: 'InternalIP', address: `192.0.2.${index + 1}` }] },
    }) as unknown as Node,
);

const pods = ['x', 'y', 'z'].flatMap((ns) => ['a', 'b', 'c'].map((own) => pod(`${ns}/${own}`)));

function policy(name: string, spec: NetworkPolicySpec): NetworkPolicy {
  const [namespace, own] = name.split('/');
  return { metadata: { namespace, name: own }, spec } as unknown as NetworkPolicy;
}

function worldOf(...policies: NetworkPolicy[]): PolicyWorld {
  return { pods, namespaces, policies, nodes };
}

function endpoint(text: string): Endpoint {
  if (text.startsWith('node '))
    return { node: nodes.find((n) => n.metadata.name === text.slice(5))! };
  if (text.includes('/'))
    return { pod: pods.find((p) => `${p.metadata.namespace}/${p.metadata.name}` === text)! };
  return { address: text };
}

/** `x/a > y/b 80`, with a protocol behind when it is not TCP. */
function isAllowed(world: PolicyWorld, flow: string): boolean {
  const [from = '', right = ''] = flow.split(' > ');
  const [, to = '', port = '', protocol = 'TCP'] =
    /^(node \S+|\S+) (\d+) ?(\w+)?$/.exec(right) ?? [];
  return evaluate(world, {
    from: endpoint(from),
    to: endpoint(to),
    port: Number(port),
    protocol: protocol as Protocol,
  }).allowed;
}

const all = { podSelector: {} };
const label = (own: string) => ({ matchLabels: { pod: own } });

test.for<{ name: string; spec: NetworkPolicySpec; yes: string[]; no: string[] }>([
  {
    name: 'a policy without rules isolates for ingress only',
    spec: all,
    yes: ['x/a > y/a 80', 'y/a > z/a 80', 'x/a > x/a 80', '192.0.2.1 > x/a 80', 'node n1 > x/a 80'],
    no: ['x/b > x/a 80', 'y/a > x/a 80', 'node n2 > x/a 80', '1.2.3.4 > x/a 80'],
  },
  {
    name: 'no egress rules with type Egress closes the way out but not to the own node',
    spec: { ...all, policyTypes: ['Egress'] },
    yes: ['y/a > x/a 80', 'x/a > x/a 80', 'x/a > node n1 80', 'x/a > 192.0.2.1 80'],
    no: ['x/a > x/b 80', 'x/a > y/a 80', 'x/a > node n2 80', 'x/a > 1.2.3.4 53 UDP'],
  },
  {
    name: 'egress rules isolate for ingress, too, when no types are named',
    spec: { ...all, egress: [{}] },
    yes: ['x/a > y/a 80', 'x/a > 1.2.3.4 9'],
    no: ['y/a > x/a 80', 'x/a > x/b 80'],
  },
  {
    name: 'an empty rule lets everything in; empty lists mean the same as none',
    spec: { ...all, ingress: [{ from: [], ports: [] }] },
    yes: ['y/a > x/a 80', '1.2.3.4 > x/a 1 SCTP', 'node n2 > x/a 80'],
    no: [],
  },
  {
    name: 'a pod selector alone means the policy’s own namespace',
    spec: { ...all, ingress: [{ from: [{ podSelector: label('b') }] }] },
    yes: ['x/b > x/a 80'],
    no: ['y/b > x/a 80', 'x/c > x/a 80'],
  },
  {
    name: 'a namespace selector alone means every pod there',
    spec: { ...all, ingress: [{ from: [{ namespaceSelector: { matchLabels: { ns: 'y' } } }] }] },
    yes: ['y/a > x/a 80', 'y/c > x/b 80'],
    no: ['x/b > x/a 80', 'z/a > x/a 80', '1.2.3.4 > x/a 80'],
  },
  {
    name: 'both selectors of one peer must match; the label with the name is always there',
    spec: {
      ...all,
      ingress: [
        {
          from: [
            {
              namespaceSelector: {
                matchExpressions: [
                  { key: 'kubernetes.io/metadata.name', operator: 'In', values: ['y', 'z'] },
                ],
              },
              podSelector: label('b'),
            },
          ],
        },
      ],
    },
    yes: ['y/b > x/a 80', 'z/b > x/a 80'],
    no: ['x/b > x/a 80', 'y/a > x/a 80'],
  },
  {
    name: 'an empty namespace selector means every namespace, never an address',
    spec: { ...all, ingress: [{ from: [{ namespaceSelector: {} }] }] },
    yes: ['z/c > x/a 80'],
    no: ['1.2.3.4 > x/a 80', 'node n2 > x/a 80'],
  },
  {
    name: 'an address range but for its exceptions, pods’ addresses included',
    spec: {
      ...all,
      ingress: [{ from: [{ ipBlock: { cidr: '10.244.0.0/16', except: ['10.244.1.16/28'] } }] }],
    },
    yes: ['10.244.9.9 > x/a 80', 'y/a > x/a 80'],
    no: ['z/a > x/a 80', '10.245.0.1 > x/a 80', '::1 > x/a 80'],
  },
  {
    name: 'IPv6 ranges',
    spec: {
      ...all,
      ingress: [{ from: [{ ipBlock: { cidr: 'fd00::/9', except: ['fd00:1::/32'] } }] }],
    },
    yes: ['fd00::1 > x/a 80', 'fd7f::1 > x/a 80'],
    no: ['fd80::1 > x/a 80', 'fd00:1::1 > x/a 80', '10.0.0.1 > x/a 80'],
  },
  {
    name: 'a port means its protocol only, TCP when none is said',
    spec: { ...all, ingress: [{ ports: [{ port: 80 }, { port: 53, protocol: 'UDP' }] }] },
    yes: ['y/a > x/a 80', 'y/a > x/a 53 UDP'],
    no: ['y/a > x/a 80 UDP', 'y/a > x/a 53', 'y/a > x/a 81'],
  },
  {
    name: 'a protocol without port means all its ports; a range includes its ends',
    spec: {
      ...all,
      ingress: [{ ports: [{ protocol: 'SCTP' }, { port: 80, endPort: 82 }] }],
    },
    yes: ['y/a > x/a 7 SCTP', 'y/a > x/a 80', 'y/a > x/a 82'],
    no: ['y/a > x/a 83', 'y/a > x/a 79', 'y/a > x/a 80 UDP'],
  },
  {
    name: 'a named port is what the receiving pod calls so, with that protocol',
    spec: {
      ...all,
      ingress: [{ ports: [{ port: 'web' }, { port: 'dns', protocol: 'UDP' }, { port: 'nope' }] }],
    },
    yes: ['y/a > x/a 80', 'y/a > x/a 53 UDP'],
    no: ['y/a > x/a 81', 'y/a > x/a 53'],
  },
  {
    name: 'a named port of an egress rule is the receiver’s, and no address has one',
    spec: { ...all, policyTypes: ['Egress'], egress: [{ ports: [{ port: 'web' }] }] },
    yes: ['x/a > y/a 80'],
    no: ['x/a > y/a 81', 'x/a > 1.2.3.4 80'],
  },
  {
    name: 'peers and ports of one rule must both match',
    spec: {
      ...all,
      ingress: [
        { from: [{ podSelector: label('b') }], ports: [{ port: 80 }] },
        { from: [{ podSelector: label('c') }], ports: [{ port: 81 }] },
      ],
    },
    yes: ['x/b > x/a 80', 'x/c > x/a 81'],
    no: ['x/b > x/a 81', 'x/c > x/a 80'],
  },
  {
    name: 'only the selected pods are isolated',
    spec: { podSelector: label('a') },
    yes: ['y/a > x/b 80', 'y/a > y/b 80'],
    no: ['y/a > x/a 80', '10.244.1.12 > x/a 80'],
  },
])('$name', ({ spec, yes, no }) => {
  const world = worldOf(policy('x/p', spec));
  const wrong = [
    ...yes.filter((flow) => !isAllowed(world, flow)),
    ...no.filter((flow) => isAllowed(world, flow)),
  ];
  expect(wrong).toEqual([]);
});

test('policies add up, and both sides must allow', () => {
  const world = worldOf(
    policy('x/deny', all),
    policy('x/allow', { ...all, ingress: [{ from: [{ namespaceSelector: {} }] }] }),
    policy('y/out', { ...all, policyTypes: ['Egress'], egress: [{ ports: [{ port: 80 }] }] }),
  );
  expect(['y/a > x/a 80', 'z/a > x/a 81'].every((flow) => isAllowed(world, flow))).toBe(true);
  expect(['y/a > x/a 81', '1.2.3.4 > x/a 80'].some((flow) => isAllowed(world, flow))).toBe(false);
});

test('a verdict names the rule that decides on each side, or who isolates and what did not match', () => {
  const world = worldOf(
    policy('x/b-web', {
      podSelector: label('a'),
      ingress: [
        { from: [{ podSelector: label('b') }], ports: [{ port: 80 }] },
        { from: [{ podSelector: {} }], ports: [{ port: 443 }] },
      ],
    }),
    policy('x/deny', { ...all, policyTypes: ['Ingress', 'Egress'] }),
  );
  const flow = { from: endpoint('y/a'), to: endpoint('x/a'), port: 443, protocol: 'TCP' } as const;
  expect(evaluate(world, flow)).toEqual({
    allowed: false,
    egress: { allowed: true, reason: 'not isolated' },
    ingress: {
      allowed: false,
      reason: 'isolated',
      by: [
        { namespace: 'x', name: 'b-web' },
        { namespace: 'x', name: 'deny' },
      ],
      misses: [
        { policy: { namespace: 'x', name: 'b-web' }, index: 0, isPeer: false, isPort: false },
        { policy: { namespace: 'x', name: 'b-web' }, index: 1, isPeer: false, isPort: true },
      ],
    },
  });
  expect(evaluate(world, { ...flow, from: endpoint('x/b') }).ingress).toEqual({
    allowed: true,
    reason: 'rule',
    rule: { policy: { namespace: 'x', name: 'b-web' }, index: 1 },
    others: [],
  });
  expect(evaluate(world, { ...flow, from: endpoint('node n1') })).toMatchObject({
    egress: { reason: 'not a pod' },
    ingress: { reason: 'own node' },
  });
});

test('a pod on the network of its node is that node: not selected, no peer of selectors', () => {
  const agent = pod('x/c', { hostNetwork: true, node: 'n2', ip: '192.0.2.2' });
  const world = {
    ...worldOf(policy('x/p', { ...all, ingress: [{ from: [{ podSelector: label('c') }] }] })),
    pods: [pod('x/a'), pod('x/b', { node: 'n2' }), agent],
  };
  const ask = (from: Endpoint, to: Endpoint) =>
    evaluate(world, { from, to, port: 80, protocol: 'TCP' }).allowed;
  expect(ask({ pod: pod('y/a') }, { pod: agent })).toBe(true);
  expect(ask({ pod: agent }, { pod: pod('x/a') })).toBe(false);
  expect(ask({ pod: agent }, { pod: pod('x/b', { node: 'n2' }) })).toBe(true);
});

test('reachable ports are what both sides leave open', () => {
  const model = createPolicyModel(
    worldOf(
      policy('x/in', {
        ...all,
        ingress: [
          {
            ports: [
              { port: 80, endPort: 90 },
              { port: 'dns', protocol: 'UDP' },
            ],
          },
        ],
      }),
      policy('y/out', {
        ...all,
        policyTypes: ['Egress'],
        egress: [{ ports: [{ port: 85, endPort: 99 }] }],
      }),
    ),
  );
  expect(reachablePorts(model, { from: endpoint('y/a'), to: endpoint('x/a') })).toEqual([
    { protocol: 'TCP', from: 85, to: 90 },
  ]);
  expect(reachablePorts(model, { from: endpoint('z/a'), to: endpoint('x/a') })).toEqual([
    { protocol: 'TCP', from: 80, to: 90 },
    { protocol: 'UDP', from: 53, to: 53 },
  ]);
  expect(reachablePorts(model, { from: endpoint('z/a'), to: endpoint('y/a') })).toHaveLength(3);
});

test('a policy’s meaning: whom it selects, what each rule opens', () => {
  const subject = policy('x/p', {
    podSelector: label('a'),
    ingress: [
      {
        from: [{ podSelector: label('b') }, { ipBlock: { cidr: '10.0.0.0/8' } }],
        ports: [{ port: 'web' }],
      },
      {},
    ],
  });
  const meaning = meaningOf(createPolicyModel(worldOf(subject)), subject);
  expect(meaning).toMatchObject({
    isolates: ['ingress'],
    openings: [
      {
        index: 0,
        peers: { blocks: [{ cidr: '10.0.0.0/8' }] },
        ports: [{ protocol: 'TCP', name: 'web' }],
      },
      { index: 1, peers: 'anyone', ports: 'every port' },
    ],
  });
  expect(meaning.selected).toEqual([pods[0]]);
  expect(meaning.openings[0]!.peers).toMatchObject({ pods: [pods[1]] });
});

test('an edit’s effect: what opens and what closes, from and to whom', () => {
  const before = worldOf(
    policy('x/p', { podSelector: label('a'), ingress: [{ ports: [{ port: 80 }] }] }),
  );
  const after = worldOf(
    policy('x/p', {
      podSelector: label('a'),
      ingress: [
        { from: [{ podSelector: label('b') }], ports: [{ port: 80, endPort: 81 }] },
        {
          from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.0.0/9'] } }],
          ports: [{ port: 80 }],
        },
      ],
    }),
  );
  const named = (side: Endpoint): string =>
    'pod' in side
      ? `${side.pod.metadata.namespace}/${side.pod.metadata.name}`
      : 'address' in side
        ? side.address
        : '';
  const changes = reachChanges(before, after);
  expect(changes.map(({ from, to }) => `${named(from)} > ${named(to)}`)).toEqual([
    'x/b > x/a',
    '10.0.0.0 > x/a',
    '11.0.0.0 > x/a',
    '203.0.113.203 > x/a',
  ]);
  expect(changes[0]).toMatchObject({ opened: [{ protocol: 'TCP', from: 81, to: 81 }], closed: [] });
  expect(changes[1]).toMatchObject({ opened: [], closed: [{ protocol: 'TCP', from: 80, to: 80 }] });
  expect(reachChanges(before, before)).toEqual([]);
});
