import type { Namespace, Pod } from '#shared/api/types/core-v1.ts';
import type {
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  NetworkPolicySpec,
} from '#shared/api/types/networking-v1.ts';
import { hosts, type HostName } from './lab.ts';

/** Nine pods in three namespaces on two hosts, as upstream's own generator has them. */
export const podNames = ['x', 'y', 'z'].flatMap((namespace) =>
  ['a', 'b', 'c'].map((name) => `${namespace}-${name}`),
);

export function placeOf(pod: string): HostName {
  return podNames.indexOf(pod) % 2 === 0 ? 'h1' : 'h2';
}

/** What every pod answers on. */
export const served = [
  { protocol: 'tcp', port: 80 },
  { protocol: 'tcp', port: 81 },
  { protocol: 'udp', port: 80 },
] as const;

export const namespaces = ['x', 'y', 'z'].map(
  (name) =>
    ({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels: { ns: name } },
    }) as unknown as Namespace,
);

export function podOf(name: string, ip: string): Pod {
  const [namespace, own] = name.split('-');
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name: own, labels: { pod: own } },
    spec: {
      nodeName: placeOf(name),
      containers: [
        {
          name: 'c',
          ports: [
            { name: 'web', containerPort: own === 'b' ? 81 : 80, protocol: 'TCP' },
            { name: 'dns', containerPort: 80, protocol: 'UDP' },
          ],
        },
      ],
    },
    status: { phase: 'Running', podIP: ip, podIPs: [{ ip }] },
  } as unknown as Pod;
}

/** The same policies for the same seed: one to four of them, of every shape the API has. */
export function generatedPolicies(
  seed: number,
  addressOf: (pod: string) => string,
): readonly NetworkPolicy[] {
  const random = new Random(seed);
  return Array.from({ length: 1 + random.below(4) }, (_, index) => ({
    apiVersion: 'networking.k8s.io/v1' as const,
    kind: 'NetworkPolicy' as const,
    metadata: { namespace: random.of(['x', 'y', 'z']), name: `p${seed}-${index}` },
    spec: specOf(random, addressOf),
  })) as unknown as readonly NetworkPolicy[];
}

function specOf(random: Random, addressOf: (pod: string) => string): NetworkPolicySpec {
  const rules = (): { peers?: NetworkPolicyPeer[]; ports?: NetworkPolicyPort[] }[] =>
    Array.from({ length: random.below(3) }, () => ({
      ...(random.below(5) > 0 && {
        peers: Array.from({ length: 1 + random.below(2) }, () => peerOf(random, addressOf)),
      }),
      ...(random.below(3) > 0 && {
        ports: Array.from({ length: 1 + random.below(2) }, () => random.of(ports)),
      }),
    }));
  const policyTypes = random.of([undefined, ['Ingress'], ['Egress'], ['Ingress', 'Egress']]);
  return {
    podSelector: random.of(podSelectors),
    ...(policyTypes && { policyTypes }),
    ...(random.below(4) > 0 && {
      ingress: rules().map(({ peers, ports: of }) => ({
        ...(peers && { from: peers }),
        ...(of && { ports: of }),
      })),
    }),
    ...(random.below(3) > 0 && {
      egress: rules().map(({ peers, ports: of }) => ({
        ...(peers && { to: peers }),
        ...(of && { ports: of }),
      })),
    }),
  };
}

const podSelectors = [
  {},
  { matchLabels: { pod: 'a' } },
  { matchLabels: { pod: 'b' } },
  { matchExpressions: [{ key: 'pod', operator: 'NotIn', values: ['c'] }] },
  { matchExpressions: [{ key: 'pod', operator: 'Exists' }] },
];

const namespaceSelectors = [
  {},
  { matchLabels: { ns: 'y' } },
  { matchLabels: { 'kubernetes.io/metadata.name': 'z' } },
  { matchExpressions: [{ key: 'ns', operator: 'In', values: ['x', 'y'] }] },
];

const ports: readonly NetworkPolicyPort[] = [
  { port: 80 },
  { port: 81 },
  { port: 80, endPort: 81 },
  { port: 1, endPort: 80, protocol: 'TCP' },
  { port: 80, protocol: 'UDP' },
  { protocol: 'TCP' },
  { protocol: 'SCTP' },
  { port: 'web' },
  { port: 'dns', protocol: 'UDP' },
  { port: 'absent' },
];

function peerOf(random: Random, addressOf: (pod: string) => string): NetworkPolicyPeer {
  switch (random.below(5)) {
    case 0:
      return { podSelector: random.of(podSelectors) };
    case 1:
      return { namespaceSelector: random.of(namespaceSelectors) };
    case 2:
      return {
        podSelector: random.of(podSelectors),
        namespaceSelector: random.of(namespaceSelectors),
      };
    case 3:
      return {
        ipBlock: {
          cidr: hosts.h1.podRange,
          except: [`${addressOf(random.of(podNames))}/32`].filter((one) =>
            one.startsWith('10.244.1.'),
          ),
        },
      };
    default:
      return {
        ipBlock: { cidr: random.of(['0.0.0.0/0', '10.83.0.0/24', `${hosts.h2.address}/32`]) },
      };
  }
}

/** Small, good enough, and the same everywhere (mulberry32). */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed * 0x9e3779b9;
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }
}
