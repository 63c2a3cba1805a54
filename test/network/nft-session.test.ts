import { afterAll, beforeAll, expect, test } from 'vitest';
import { NftSession } from '#agent/nftables/session.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { sh } from './namespace.ts';

const namespace = 'nft-session';
const nft = `ip netns exec ${namespace} nft`;

let session: NftSession;
beforeAll(() => {
  sh(`ip netns del ${namespace} 2>/dev/null || true; ip netns add ${namespace}
${nft} add table ip t
${nft} 'add set ip t s { type ipv4_addr ; }'`);
  session = new NftSession({ clock: systemClock, nft });
});
afterAll(async () => {
  await session[Symbol.asyncDispose]();
  sh(`ip netns del ${namespace}`);
});

const listed = (): string => sh(`${nft} list table ip t`);

test('a change holds as soon as it is said to be made, all of it at once', async () => {
  await session.apply('add chain ip t c\nadd rule ip t c ip saddr != @s accept');
  expect(listed()).toContain('ip saddr != @s accept');
  await session.apply('add element ip t s { 192.0.2.1 }');
  expect(listed()).toContain('192.0.2.1');
});

test('a change that nft refuses is not made in part, and the next one is made', async () => {
  await expect(
    session.apply('add element ip t s { 192.0.2.2 }\nadd rule ip t nowhere accept'),
  ).rejects.toThrow('No such file or directory');
  expect(listed()).not.toContain('192.0.2.2');
  await expect(session.apply('add elephant')).rejects.toThrow('syntax error');
  await session.apply('add element ip t s { 192.0.2.3 }');
  expect(listed()).toContain('192.0.2.3');
});

test('an nft that somebody ends is run anew', async () => {
  sh(`ip netns pids ${namespace} | xargs kill -9`);
  await session.apply('add element ip t s { 192.0.2.4 }').catch(() => {}); // it may have been written to before its end
  await session.apply('add element ip t s { 192.0.2.5 }');
  expect(listed()).toContain('192.0.2.5');
});

test('without an nft that can be talked to a change fails at once', async () => {
  await using broken = new NftSession({ clock: systemClock, nft: 'echo no such' });
  await expect(broken.apply('add table ip u')).rejects.toThrow('no such -i');
});
