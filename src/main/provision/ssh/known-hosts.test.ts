import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  fingerprint,
  judgeHostKey,
  knownHostLine,
  knownKeyTypes,
  parseKnownHosts,
} from '#main/provision/ssh/known-hosts.ts';

const wire = (type: string, rest: string): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  return Buffer.concat([length, Buffer.from(type + rest)]);
};
const key = wire('ssh-ed25519', 'first');
const other = wire('ssh-ed25519', 'second');
const text = key.toString('base64');
const hashed = (name: string): string => {
  const salt = Buffer.from('0123456789abcdefghij');
  const hash = createHmac('sha1', salt).update(name).digest('base64');
  return `|1|${salt.toString('base64')}|${hash}`;
};

test.each([
  ['a plain name', 'machine', 'machine', 22, 'known'],
  ['a list of names', 'other,machine', 'machine', 22, 'known'],
  ['another letter case', 'Machine', 'MACHINE', 22, 'known'],
  ['a name with a port', '[machine]:2222', 'machine', 2222, 'known'],
  ['a name without the port', 'machine', 'machine', 2222, 'unknown'],
  ['a pattern', '*.home,10.0.0.?', '10.0.0.7', 22, 'known'],
  ['a dot that is a dot', 'a.b', 'axb', 22, 'unknown'],
  ['an exception', '*.home,!nas.home', 'nas.home', 22, 'unknown'],
  ['a hashed name', hashed('machine'), 'machine', 22, 'known'],
  ['a hashed name with a port', hashed('[machine]:2222'), 'machine', 2222, 'known'],
  ['another hashed name', hashed('machine'), 'else', 22, 'unknown'],
  ['a comment', '#machine', 'machine', 22, 'unknown'],
  ['an authority for certificates', '@cert-authority machine', 'machine', 22, 'unknown'],
  ['a revoked key', '@revoked machine', 'machine', 22, 'revoked'],
])('%s is judged', (...[, hosts, host, port, verdict]) => {
  const known = parseKnownHosts(`${hosts} ssh-ed25519 ${text} comment\n`);
  expect(judgeHostKey(known, { host, port, key })).toBe(verdict);
});

test('another key of a known machine is a changed one', () => {
  const known = parseKnownHosts(`machine ssh-ed25519 ${text}\n`);
  expect(judgeHostKey(known, { host: 'machine', port: 22, key: other })).toBe('changed');
});

test('what is remembered is known again', () => {
  const shown = { host: '10.0.0.7', port: 2222, key };
  const known = parseKnownHosts(knownHostLine(shown));
  expect([judgeHostKey(known, shown), knownKeyTypes(known, shown)]).toEqual([
    'known',
    ['ssh-ed25519'],
  ]);
});

test('a fingerprint looks as OpenSSH prints it', () => {
  expect(fingerprint(key)).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
});
