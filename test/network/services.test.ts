import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Service } from '#shared/api/types/core-v1.ts';
import type { Objects, Outcome } from './inside.ts';
import { hosts, Lab, outsideAddress, type HostName } from './lab.ts';
import {
  backends,
  hostNetworkPort,
  type Observed,
  type Played,
  played,
  type Seen,
} from './services.ts';

const { services: observed } = JSON.parse(
  readFileSync('test/data/network/services.json', 'utf8'),
) as { services: readonly Observed[] };

/** Long enough for a busy machine; a wrong answer comes at once, so that a silence need not be long. */
const patienceMs = 15_000;
const silenceMs = 400;

const kubernetes = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace: 'default', name: 'kubernetes' },
  spec: { clusterIP: '10.96.0.1', ports: [{ name: 'https', port: 443, protocol: 'TCP' }] },
} as unknown as Service;

let lab: Lab;
let world: ReadonlyMap<string, Played>;

beforeAll(async () => {
  const { h2: _, ...pods } = backends;
  const places = Object.entries(pods).map(([name, { on }]) => [name, on] as const);
  lab = new Lab({ c1: 'h1', c2: 'h2', ...Object.fromEntries(places) });
  await Promise.all([
    ...Object.keys(pods).flatMap((name) => [
      lab.namespace(name).ask({ do: 'serve', name, protocol: 'tcp', port: 8080 }),
      lab.namespace(name).ask({ do: 'serve', name, protocol: 'udp', port: 8081 }),
    ]),
    lab.namespace('out').ask({ do: 'serve', name: 'out', protocol: 'tcp', port: 6443 }),
    lab.namespace('h2').ask({ do: 'serve', name: 'h2', protocol: 'tcp', port: hostNetworkPort }),
  ]);
  world = new Map(
    observed.map((one, index) => [one.name, played(one, index, (name) => lab.address(name))]),
  );
  const objects: Objects = {
    services: [...[...world.values()].map(({ service }) => service), kubernetes],
    endpointslices: [...world.values()].flatMap(({ slices }) => slices),
  };
  for (const { name, settings, node } of Object.values(hosts)) {
    await lab.namespace(name).ask({
      do: 'start',
      parts: ['kube-proxy'],
      settings,
      objects: { ...objects, nodes: [node] },
    });
  }
  for (const host of ['h1', 'h2'] as const)
    await vi.waitUntil(() => rules(host).includes(ipOf('udp')), 20_000);
}, 120_000);

afterAll(() => lab?.[Symbol.asyncDispose](), 60_000);

/** Where one look at chance was not enough, or nothing explains what was seen. */
const differing: Readonly<Record<string, Partial<Seen>>> = {
  // Three endpoints, twelve requests, and one of the three never came up.
  'loadbalancer-source-ranges-outside, backend a1 (h1) to nodePort on h1': {
    reached: ['a1', 'a2', 'b1'],
  },
  // A node and the outside reached t1 there, and so did this pod where no endpoint was ready.
  'nodeport-local-terminating-and-remote-ready, pod on h2 to nodePort on h1': {
    r: 'ok',
    reached: ['t1'],
    src: 'own pod IP',
  },
};

/** What needs time or a change is tested below. */
const changing = ['clusterIP after the service was deleted', 'clusterIP, a request every 3 s'];

test.each(observed)('$name: reached, seen as, refused or dropped as upstream', async (one) => {
  const seen = one.seen
    .filter(({ to }) => !changing.includes(to))
    .map((each) => ({ ...each, ...differing[`${one.name}, ${each.from} to ${each.to}`] }));
  const found = await Promise.all(seen.map((each) => lookAgain(one.name, each)));
  expect(found).toEqual(seen.map((each) => expectation(one.name, each)));
});

test('pods reach the API server by the way that their node has to it', async () => {
  const outcome = await lab.connect('c1', { ip: '10.96.0.1', port: 443, timeoutMs: patienceMs });
  expect(outcome).toMatchObject({ result: 'ok', name: 'out' });
});

test('affinity ends when a client has been away for its time', async () => {
  const target = { ip: ipOf('affinity-timeout-2s'), port: 80, timeoutMs: patienceMs };
  const reached = new Set<string>();
  for (let time = 0; time < 15 && reached.size < 2; time++) {
    const outcome = await lab.connect('c1', target);
    if (outcome.result === 'ok') reached.add(outcome.name);
    await new Promise((resolve) => setTimeout(resolve, 2200));
  }
  expect(reached.size).toBe(2);
}, 60_000);

test('a client that keeps its UDP port gets another endpoint when its own is gone; a deleted service is dropped', async () => {
  const { service, slices } = world.get('udp')!;
  const ask = (): Promise<Outcome> =>
    lab.connect('c1', {
      protocol: 'udp',
      ip: service.spec.clusterIP!,
      port: 53,
      from: 4053,
      timeoutMs: 2000,
    });
  const first = await ask();
  expect(first.result).toBe('ok');
  const reached = first.result === 'ok' ? first.name : '';
  const gone = lab.address(reached);
  const fewer = slices.map((slice) => ({
    ...slice,
    endpoints: slice.endpoints.filter(({ addresses }) => addresses[0] !== gone),
  }));
  await lab.namespace('h1').ask({ do: 'put', objects: { endpointslices: fewer } });
  await expect.poll(async () => ((await ask()) as { name?: string }).name).not.toBe(reached);
  await lab.namespace('h1').ask({ do: 'remove', plural: 'services', key: 'svc/udp' });
  await expect.poll(() => rules('h1')).not.toContain(service.spec.clusterIP!);
  expect(
    (await lab.connect('c1', { ip: service.spec.clusterIP!, port: 53, timeoutMs: silenceMs }))
      .result,
  ).toBe('timeout');
});

test('a stop and a restart leave services working; removal leaves nothing', async () => {
  const ip = ipOf('clusterip-one-local');
  const works = async (): Promise<string> =>
    (await lab.connect('c1', { ip, port: 80, timeoutMs: patienceMs })).result;
  const sticky = ipOf('affinity-clientip');
  const stuckTo = async (): Promise<string | undefined> => {
    const outcome = await lab.connect('c1', { ip: sticky, port: 80, timeoutMs: patienceMs });
    return outcome.result === 'ok' ? outcome.name : undefined;
  };
  const before = await stuckTo();
  await lab.namespace('h1').ask({ do: 'stop' });
  expect(await works()).toBe('ok');
  await lab.namespace('h1').ask({
    do: 'start',
    parts: ['kube-proxy'],
    settings: hosts.h1.settings,
    objects: {
      nodes: [hosts.h1.node],
      services: [...world.values()].map(({ service }) => service),
      endpointslices: [...world.values()].flatMap(({ slices }) => slices),
    },
  });
  await expect.poll(() => rules('h1')).toContain(ipOf('udp'));
  for (let time = 0; time < 5; time++) expect(await stuckTo()).toBe(before);
  await lab.namespace('h1').ask({ do: 'clean' });
  expect(rules('h1')).toBe('');
});

test('health of the proxy itself', async () => {
  const { status, body } = await lab.get('out', `http://${hosts.h2.address}:10256/healthz`);
  expect(status).toBe(200);
  expect(Object.keys(JSON.parse(body) as object)).toEqual([
    'lastUpdated',
    'currentTime',
    'nodeEligible',
  ]);
  expect((await lab.get('out', `http://${hosts.h2.address}:10256/livez`)).status).toBe(200);
});

/** What is to be found again. Affinity keeps to one endpoint, whichever it is. */
function expectation(name: string, { from, to, ...one }: Seen): unknown {
  if (one.status !== undefined) return { from, to, ...one };
  const isSticky = name.startsWith('affinity');
  const reached = isSticky && one.reached ? 'one of them' : one.reached;
  // Whether a pod that asks itself is masqueraded depends on whom affinity picked.
  const isItself = isSticky && from.startsWith('backend');
  const src = one.src && !isItself ? one.src.replace(/ \(masqueraded\)$/, '') : undefined;
  return { from, to, r: one.r, reached, src };
}

async function lookAgain(name: string, { from, to, ...one }: Seen): Promise<unknown> {
  if (one.status !== undefined) return { from, to, ...(await healthCheck(name, to)) };
  const asker = askers[from]!;
  const outcomes = await askFrom(asker, targetOf(name, to), { ...one, protocol: protocolOf(name) });
  const answered = outcomes.filter((outcome) => outcome.result === 'ok');
  const reached = [...new Set(answered.map((outcome) => outcome.name))].sort();
  const sources = new Set(answered.map(({ source }) => kindOf(asker, source)));
  const isSticky = name.startsWith('affinity');
  const results = new Set(outcomes.map(({ result }) => result));
  const [result] = results;
  return {
    from,
    to,
    r: one.r === 'no answer' && result !== 'ok' ? one.r : [...results].join(' or '),
    reached:
      answered.length === 0
        ? undefined
        : isSticky && reached.length === 1
          ? 'one of them'
          : reached,
    src:
      one.src && !(isSticky && from.startsWith('backend')) ? [...sources].join(' or ') : undefined,
  };
}

/** Asks until every endpoint that should answer has, and some more times for others. */
async function askFrom(
  asker: string,
  target: { ip: string; port: number },
  { r, reached = [], protocol }: Pick<Seen, 'r' | 'reached'> & { protocol: 'tcp' | 'udp' },
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  const found = new Set<string>();
  const timeoutMs = r === 'ok' || r === 'refused' ? patienceMs : silenceMs;
  const least = r === 'ok' ? 8 : 2;
  const isMissing = (): boolean => r === 'ok' && !reached.every((one) => found.has(one));
  while (outcomes.length < least || (isMissing() && outcomes.length < 60)) {
    const outcome = await lab.connect(asker, { ...target, protocol, timeoutMs });
    outcomes.push(outcome);
    if (outcome.result === 'ok') found.add(outcome.name);
    else if (r === 'ok') break;
  }
  return outcomes;
}

const askers: Readonly<Record<string, string>> = {
  'pod on h1': 'c1',
  'pod on h2': 'c2',
  'backend a1 (h1)': 'a1',
  'node h1': 'h1',
  'node h2': 'h2',
  outside: 'out',
};

function targetOf(name: string, to: string): { ip: string; port: number } {
  const { metadata, spec, status } = world.get(name)!.service;
  const [first, second] = spec.ports!;
  const port = first!.port;
  const [, at] = / on (\S+)$/.exec(to) ?? [];
  if (to.startsWith('nodePort')) {
    return { ip: at === '127.0.0.1' ? at : hosts[at as HostName].address, port: first!.nodePort! };
  }
  if (to.startsWith('loadBalancer')) return { ip: status.loadBalancer.ingress![0]!.ip!, port };
  if (to === 'externalIP') return { ip: spec.externalIPs![0]!, port };
  if (to.startsWith('unallocated')) return { ip: '10.96.200.200', port };
  if (to.startsWith('second port')) return { ip: spec.clusterIP!, port: second!.port };
  if (to.startsWith('a port the service')) return { ip: spec.clusterIP!, port: 12_345 };
  if (to === 'clusterIP') return { ip: spec.clusterIP!, port };
  throw new Error(`${metadata.name}: what is “${to}”?`);
}

async function healthCheck(name: string, to: string): Promise<object> {
  const host = hosts[to.slice(-2) as HostName];
  const port = world.get(name)!.service.spec.healthCheckNodePort!;
  const { status, headers, body } = await lab.get('out', `http://${host.address}:${port}/`);
  const shown = [
    'Content-Type',
    'X-Content-Type-Options',
    'X-Load-Balancing-Endpoint-Weight',
    'Date',
    'Content-Length',
  ];
  return {
    status,
    headers: shown.map((key) => (key === 'Date' ? key : `${key}: ${headers[key.toLowerCase()]}`)),
    body: body.replaceAll(/\n\t*/g, ''),
  };
}

/** Whose address the endpoint saw. */
function kindOf(asker: string, source: string): string {
  if (source === lab.address(asker) && asker.length === 2 && !asker.startsWith('h'))
    return 'own pod IP';
  const nodes = Object.values(hosts).flatMap(({ address, gateway }) => [address, gateway]);
  if (nodes.includes(source)) return 'an address of a node';
  return source === outsideAddress ? 'outside IP' : source;
}

function protocolOf(name: string): 'tcp' | 'udp' {
  return name.startsWith('udp') ? 'udp' : 'tcp';
}

function ipOf(name: string): string {
  return world.get(name)!.service.spec.clusterIP!;
}

function rules(host: HostName): string {
  return lab.namespace(host).run('nft list ruleset');
}
