import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { HttpTransport } from '#shared/client/http-transport.ts';
import { apiOf } from '../support/api.ts';
import { startPilothouse, type Pilothouse } from '../support/pilothouse.ts';

interface Recorded {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [member: string]: unknown;
}
const recorded = JSON.parse(readFileSync('test/data/bootstrap.json', 'utf8')) as Readonly<
  Record<string, readonly Recorded[]>
>;
const kinds = Object.keys(recorded).filter((key) => key.includes('/'));

let cluster: Pilothouse;
let api: HttpTransport & Disposable;

beforeAll(async () => {
  cluster = await startPilothouse({ simulatedNodes: 0 });
  api = apiOf(cluster);
});
afterAll(async () => {
  api[Symbol.dispose]();
  await cluster[Symbol.asyncDispose]();
});

test.each(kinds)('%s is as on a bare upstream server', async (kind) => {
  const root = kind.startsWith('v1/') ? 'api' : 'apis';
  const { items } = (await api.get(`/${root}/${kind}`)) as { items: readonly Recorded[] };
  const wanted = recorded[kind]!.map((one) => comparable(one, 20343));
  // Controllers run here, and did not where this was recorded: they make more objects.
  const names = new Set(wanted.map(keyOf));
  const found = items.map((one) => comparable(one, cluster.port));
  expect(found.filter((one) => names.has(keyOf(one))).sort(byKey)).toEqual(wanted.sort(byKey));
});

const filledIn = ['uid', 'resourceVersion', 'creationTimestamp', 'managedFields'];
const masked: Readonly<Record<string, string>> = {
  lastTransitionTime: '<time>',
  renewTime: '<time>',
  message: '<text>',
  description: '<text>',
  since: '<date>',
  'client-ca-file': '<PEM>',
  'requestheader-client-ca-file': '<PEM>',
  'kubernetes.io/hostname': '<hostname>',
};

/** With what differs from run to run masked as it is in the record. */
function comparable(object: Recorded, port: number): Recorded {
  const { kind: _, apiVersion: __, ...own } = object;
  const text = JSON.stringify(own, (key, value: unknown) => {
    if (filledIn.includes(key)) return undefined;
    if (value === port && ['port', 'targetPort'].includes(key)) return '<port>';
    return masked[key] ?? value;
  })
    .replaceAll(/apiserver-[a-z2-7]{26}(_[-0-9a-f]+)?/g, (_match, uuid) =>
      uuid ? 'apiserver-<hash>_<uuid>' : 'apiserver-<hash>',
    )
    .replaceAll(new RegExp(`"([0-9a-f.:]+):${port}"`, 'g'), '"<address>:<port>"')
    .replaceAll(/"(ip)":"[0-9.]+"/g, '"$1":"<address>"')
    .replaceAll(/"addresses":\["[0-9.]+"\]/g, '"addresses":["<address>"]');
  const made = JSON.parse(text) as Recorded;
  // The aggregating controller fills these in; the one of service ranges guards them.
  if (made['aggregationRule']) return { ...made, rules: null };
  const { finalizers, ...metadata } = made.metadata as { finalizers?: readonly string[] };
  const isGuarded = finalizers?.includes('networking.k8s.io/service-cidr-finalizer');
  return isGuarded ? { ...made, metadata: metadata as Recorded['metadata'] } : made;
}

function keyOf({ metadata }: Recorded): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

function byKey(a: Recorded, b: Recorded): number {
  return keyOf(a) < keyOf(b) ? -1 : 1;
}
