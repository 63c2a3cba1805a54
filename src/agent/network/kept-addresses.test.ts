import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { KeptAddresses } from './kept-addresses.ts';

let leases: string;
beforeEach(async () => {
  leases = await mkdtemp(join(tmpdir(), 'leases-'));
});
afterEach(() => rm(leases, { recursive: true }));

const last = (): Promise<string> => readFile(join(leases, 'pilothouse/last_reserved_ip.0'), 'utf8');

test.each([
  ['10.244.1.7', '10.244.1.6'],
  ['10.244.2.0', '10.244.1.255'],
])('who had %s is to get the one after %s', async (wanted, before) => {
  expect(await new KeptAddresses(leases).assign(wanted, last)).toBe(before);
});

test('an address that somebody has by now is nobody’s to get back', async () => {
  await mkdir(join(leases, 'pilothouse'));
  await writeFile(join(leases, 'pilothouse/10.244.1.7'), 'somebody');
  await expect(new KeptAddresses(leases).assign('10.244.1.7', last)).rejects.toThrow('ENOENT');
});

test('who comes back comes alone, and the others after them, together', async () => {
  const kept = new KeptAddresses(leases);
  const events: string[] = [];
  const pod = (name: string) => async (): Promise<void> => {
    events.push(`${name} begins`);
    await new Promise((resolve) => setImmediate(resolve));
    events.push(`${name} ends`);
    if (name === 'b') throw new Error('refused');
  };
  const all = [
    kept.assign('10.244.1.2', pod('a')),
    kept.assign('10.244.1.3', pod('b')),
    kept.assign(undefined, pod('c')),
    kept.assign(undefined, pod('d')),
    kept.assign('10.244.1.4', pod('e')),
  ];
  const outcomes = await Promise.allSettled(all);
  expect(outcomes.map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
    'fulfilled',
    'fulfilled',
  ]);
  const [c, d] = ['c', 'd'];
  expect(events).toEqual(
    ['a begins', 'a ends', 'b begins', 'b ends']
      .concat([`${c} begins`, `${d} begins`, `${c} ends`, `${d} ends`])
      .concat(['e begins', 'e ends']),
  );
});
