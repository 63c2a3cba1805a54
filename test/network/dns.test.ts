import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { asRecorded, expected, question } from './dns-answers.ts';
import { hosts, Lab } from './lab.ts';
import { namedWorld, type ObservedQuery, unmasked } from './named-world.ts';

const { queries } = JSON.parse(readFileSync('test/data/network/dns.json', 'utf8')) as {
  queries: readonly ObservedQuery[];
};
const dns = hosts.h1.settings.clusterDns;

let lab: Lab;

beforeAll(async () => {
  lab = new Lab({ c1: 'h1' });
  await lab.namespace('h1').ask({
    do: 'start',
    parts: ['kube-proxy', 'dns'],
    settings: hosts.h1.settings,
    objects: { nodes: [hosts.h1.node], ...namedWorld() },
  });
  await vi.waitUntil(() => lab.namespace('h1').run('nft list ruleset').includes(dns), 20_000);
}, 60_000);

afterAll(() => lab?.[Symbol.asyncDispose](), 60_000);

async function ask(from: string, one: ObservedQuery, protocol: 'tcp' | 'udp'): Promise<unknown> {
  const message = question(unmasked(one.q), one.type).toString('base64');
  const reply = await lab
    .namespace(from)
    .ask<string>({ do: 'exchange', protocol, ip: dns, port: 53, message });
  return asRecorded(Buffer.from(reply, 'base64'));
}

test.each([
  ['a pod', 'c1', 'udp'],
  ['a pod', 'c1', 'tcp'],
  ['its node', 'h1', 'udp'],
] as const)(
  '%s (%s) gets CoreDNS’ answers at the cluster’s address over %s',
  async (_, from, protocol) => {
    const answers = await Promise.all(queries.map((one) => ask(from, one, protocol)));
    expect(answers).toEqual(queries.map(expected));
  },
);

test('queries are not tracked: the kernel remembers none of them', () => {
  expect(lab.namespace('h1').run('conntrack -L -p udp 2>/dev/null || true')).not.toContain(
    'dport=53',
  );
});

test('removal leaves neither the address nor a rule', async () => {
  await lab.namespace('h1').ask({ do: 'clean' });
  expect(lab.namespace('h1').run('nft list ruleset')).toBe('');
  expect(lab.namespace('h1').run('ip address show dev lo')).not.toContain(dns);
});
