import { afterAll, beforeAll, expect, test } from 'vitest';
import { acceptedProbes, readFacts, refusedProbes, type Probe } from './facts.ts';
import {
  answerOf,
  makeNamespaces,
  removed,
  sendOver,
  storeBase,
  type Stored,
} from './observed-state.ts';
import { play, type Played } from './player.ts';
import { serve, type Served } from './served.ts';

/**
 * The observed probes against the served API: TLS, authentication, admission, allocators and store
 * included. What is answered otherwise stands in a file that has to be exactly right, so that nothing
 * can get worse, or better, unseen (`vitest -u` writes it anew).
 */

const differences = '../data/api/differences-over-tls.txt';
const probes = [...refusedProbes, ...acceptedProbes];

/** What else was there when objects were stored for their updates. */
const beside: Readonly<Record<string, string>> = {
  'v1/pods#initContainers': 'v1/limitranges#rich',
  'v1/pods#overhead-runtimeclass': 'node.k8s.io/v1/runtimeclasses#overhead',
  'v1/pods#pod-level-resources': 'v1/limitranges#rich',
};

let served: Served;

beforeAll(async () => {
  served = await serve();
  await makeNamespaces(served.http);
});
afterAll(() => served[Symbol.asyncDispose]());

test('probes are answered as observed, but for the listed ones', async () => {
  const stored = new Map<string, Stored>();
  const send = sendOver(served.http, stored);
  const played: Played[] = [];
  const playAll = async (some: readonly Probe[]): Promise<void> => {
    played.push(...(await Promise.all(some.map((probe) => play(probe, send)))));
  };
  for (const [base, own] of Map.groupBy(probes, (probe) => probe.base)) {
    await playAll(own.filter(({ verb }) => verb === 'create'));
    const updates = own.filter(({ verb }) => verb === 'update');
    if (updates.length === 0) continue;
    const other = beside[base];
    const besides = other && (await storeBase(served.http, other));
    const one = await storeBase(served.http, base);
    stored.set(base, one);
    await playAll(updates);
    await removed(served.http, one.path);
    if (besides) await removed(served.http, besides.path);
  }

  const different = played.filter(({ verdict }) => verdict === 'different');
  expect(different.filter(({ probe }) => probe.expected.status < 300)).toEqual([]);
  expect(different.length / played.length).toBeLessThan(0.05);
  await expect(listed(different)).toMatchFileSnapshot(differences);
}, 120_000);

/** One block per kind and base, one line per probe, in the order of the facts. */
function listed(different: readonly Played[]): string {
  const blocks = Map.groupBy(different, ({ probe }) => probe.base);
  const sections = [...blocks].map(([base, own]) =>
    [`${base} (${own.length})`, ...own.map(line)].join('\n'),
  );
  return `${sections.join('\n\n')}\n`;
}

const longestValue = 60;

function line({ probe: { verb, patch, expected }, actual }: Played): string {
  const changes = patch.map(({ op, path, value }) => {
    const text = value === undefined ? '' : ` ${JSON.stringify(value).slice(0, longestValue)}`;
    return `${op} ${path}${text}`;
  });
  return `  ${verb} ${changes.join('; ')}: ${shown(actual)}, not ${shown(expected)}`;
}

function shown({ status, reason = '', causes = [] }: Played['actual']): string {
  return [status, reason, ...causes.map((cause) => cause.join(' '))].filter(Boolean).join(' | ');
}

interface OddRequest {
  readonly m: string;
  readonly p: string;
  readonly h?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly s: number;
  readonly r?: string;
  readonly c?: readonly (readonly [string, string | null])[];
}

/** What had been created, and not deleted, when the single requests were sent. */
const present = [
  'apps/v1/deployments#rich',
  'apps/v1/replicasets#rich',
  'apps/v1/statefulsets#rich',
  'v1/nodes#rich',
  'v1/services#rich',
  'v1/configmaps#min',
  'v1/configmaps#data',
  'v1/pods#min',
];

test('single odd requests are answered as observed', async () => {
  const requests = readFacts('requests.json') as readonly OddRequest[];
  const stored: string[] = [];
  for (const base of present) stored.push((await storeBase(served.http, base)).path);
  const different: string[] = [];
  for (const { m: method, p: path, h: headers = {}, body, s, r = '', c = [] } of requests) {
    const sent = body === undefined ? {} : { body };
    const answer = answerOf(await served.http({ method, path, headers, ...sent }));
    const causes = (answer.causes ?? []).map(([reason, field]) => [reason, field || null]);
    const got = JSON.stringify([answer.status, answer.reason ?? '', causes]);
    const wanted = JSON.stringify([s, r, c]);
    if (got !== wanted) {
      different.push(`${method} ${path} ${JSON.stringify(body)}: ${got}, not ${wanted}`);
    }
  }
  for (const path of stored) await removed(served.http, path);
  expect(different).toEqual([]);
}, 60_000);
