import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Pod } from '#shared/api/types/core-v1.ts';
import type { NetworkPolicy } from '#shared/api/types/networking-v1.ts';
import {
  createPolicyModel,
  evaluateIn,
  type Endpoint,
  type Protocol,
} from '#shared/policy/index.ts';
import type { Outcome } from './inside.ts';
import { hosts, Lab, outsideAddress } from './lab.ts';
import {
  generatedPolicies,
  namespaces,
  placeOf,
  podNames,
  podOf,
  served,
} from './policy-worlds.ts';

/** Long enough for a busy machine; what is let through comes at once, so that a silence need not be long. */
const patienceMs = 15_000;
const silenceMs = 300;

let lab: Lab;
let pods: readonly Pod[];
let current: readonly NetworkPolicy[] = [];

beforeAll(async () => {
  lab = new Lab(Object.fromEntries(podNames.map((name) => [name, placeOf(name)])));
  pods = podNames.map((name) => podOf(name, lab.address(name)));
  await Promise.all(
    podNames.flatMap((name) =>
      served.map((each) => lab.namespace(name).ask({ do: 'serve', name, ...each })),
    ),
  );
  const nodes = Object.values(hosts).map(({ node }) => node);
  for (const { name, settings } of Object.values(hosts)) {
    await lab
      .namespace(name)
      .ask({ do: 'start', parts: ['network'], settings, objects: { nodes, pods, namespaces } });
  }
}, 120_000);

afterAll(() => lab?.[Symbol.asyncDispose](), 60_000);

/** Puts these policies in place of those before; resolves once both hosts' rules have them. */
async function putPolicies(policies: readonly NetworkPolicy[]): Promise<void> {
  // Selects every pod of its namespace and lets all through: its chains show that the rules are new.
  const name = `mark-${marks++}`;
  const mark = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { namespace: 'mark', name },
    spec: { podSelector: {} },
  } as unknown as NetworkPolicy;
  for (const host of ['h1', 'h2'] as const) {
    for (const { metadata } of current) {
      await lab.namespace(host).ask({
        do: 'remove',
        plural: 'networkpolicies',
        key: `${metadata.namespace}/${metadata.name}`,
      });
    }
    await lab.namespace(host).ask({
      do: 'put',
      objects: {
        networkpolicies: [...policies, mark],
        pods: [
          ...pods,
          {
            ...podOf(`mark-${host}`, '10.244.3.3'),
            spec: { nodeName: host, containers: [] },
          } as unknown as Pod,
        ],
      },
    });
    await expect.poll(() => rules(host)).toContain(name);
  }
  current = [...policies, mark];
}

let marks = 0;

function rules(host: 'h1' | 'h2'): string {
  return lab.namespace(host).run('nft list table ip pilothouse-policy 2>/dev/null || true');
}

interface Flow {
  readonly from: string;
  readonly to: string;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
}

const askers = [...podNames, 'h1', 'h2', 'out'];
const flows: readonly Flow[] = askers.flatMap((from) =>
  podNames.flatMap((to) => served.map((each) => ({ from, to, ...each }))),
);

function endpointOf(name: string): Endpoint {
  if (name === 'out') return { address: outsideAddress };
  if (name === 'h1' || name === 'h2') return { node: hosts[name].node };
  return { pod: pods[podNames.indexOf(name)]! };
}

let refused = 0;

test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])(
  'world %i: packets go where the evaluator says, between all pods, from nodes and from outside',
  async (seed) => {
    const policies = generatedPolicies(seed, (name) => lab.address(name));
    await putPolicies(policies);
    const nodes = Object.values(hosts).map(({ node }) => node);
    const model = createPolicyModel({ pods, namespaces, policies, nodes });
    const verdicts = flows.map(({ from, to, protocol, port }) => {
      const flow = { from: endpointOf(from), to: endpointOf(to), port };
      return evaluateIn(model, { ...flow, protocol: protocol.toUpperCase() as Protocol }).allowed;
    });
    const outcomes = await Promise.all(
      flows.map(({ from, to, protocol, port }, index) =>
        lab.connect(from, {
          ip: lab.address(to),
          protocol,
          port,
          timeoutMs: verdicts[index] ? patienceMs : silenceMs,
        }),
      ),
    );
    const shown = (isAllowed: boolean, index: number): string => {
      const { from, to, protocol, port } = flows[index]!;
      return `${from} > ${to} ${protocol} ${port}: ${isAllowed ? 'yes' : 'no'}`;
    };
    expect(outcomes.map(({ result }, index) => shown(result === 'ok', index))).toEqual(
      verdicts.map(shown),
    );
    refused += verdicts.filter((isAllowed) => !isAllowed).length;
  },
  60_000,
);

test('the worlds were worth looking at: many flows of each kind', () => {
  const all = 10 * flows.length;
  expect([all, refused > 500, all - refused > 500]).toEqual([3240, true, true]);
});

test('a new policy ends what was let through before, and its going opens the way again', async () => {
  await putPolicies([]);
  const [from, to] = ['x-a', 'y-a'] as const;
  const ask = async (): Promise<Outcome['result']> =>
    (
      await lab.connect(from, {
        ip: lab.address(to),
        protocol: 'udp',
        port: 80,
        from: 4080,
        timeoutMs: 1000,
      })
    ).result;
  expect(await ask()).toBe('ok');
  const [closed] = generatedPolicies(1, () => '');
  await putPolicies([
    {
      ...closed!,
      metadata: { ...closed!.metadata, namespace: 'y', name: 'closed' },
      spec: { podSelector: {} },
    },
  ]);
  expect(await ask()).toBe('timeout');
  expect(rules('h1') + rules('h2')).toMatch(/counter packets [1-9]\d* bytes \d+ drop/);
  await putPolicies([]);
  expect(await ask()).toBe('ok');
});

test('policies hold for a pod that the kubelet has just given its address, before the API knows', async () => {
  const [from, to] = ['x-a', 'y-b'] as const;
  const host = placeOf(to);
  const pod = pods[podNames.indexOf(to)]!;
  const withoutAddress = { ...pod, status: { phase: 'Pending' } } as Pod;
  await putPolicies([]);
  const [some] = generatedPolicies(1, () => '');
  await lab.namespace(host).ask({
    do: 'put',
    objects: {
      pods: [withoutAddress],
      networkpolicies: [
        {
          ...some!,
          metadata: { ...some!.metadata, namespace: 'y', name: 'closed' },
          spec: { podSelector: {} },
        } as NetworkPolicy,
      ],
    },
  });
  await expect.poll(() => rules(host)).not.toContain(lab.address(to));
  const reach = async (): Promise<Outcome['result']> =>
    (await lab.connect(from, { ip: lab.address(to), port: 80, timeoutMs: silenceMs })).result;
  await lab
    .namespace(host)
    .ask({ do: 'podStarted', pod: withoutAddress, addresses: [lab.address(to)] });
  expect(await reach()).toBe('timeout');
  await lab.namespace(host).ask({ do: 'remove', plural: 'networkpolicies', key: 'y/closed' });
  await expect.poll(reach).toBe('ok');
});

test('the rules come back when somebody has flushed all; removal leaves none', async () => {
  lab.namespace('h1').run('nft flush ruleset');
  await putPolicies([]);
  await lab.namespace('h1').ask({ do: 'clean' });
  expect(lab.namespace('h1').run('nft list ruleset')).toBe('');
  expect(lab.namespace('h1').run('ip route show proto 180')).toBe('');
});
