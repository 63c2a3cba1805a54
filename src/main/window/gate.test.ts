import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { createGate } from '#main/window/gate.ts';

const ask = (headers: Record<string, string>, url = '/', method = 'GET'): IncomingMessage =>
  ({ headers: { host: '127.0.0.1:80', ...headers }, url, method }) as unknown as IncomingMessage;

test('the token opens once, the cookie from then on', () => {
  const gate = createGate();
  const welcome = gate.check(ask({}, `/?token=${gate.token}`), 80);
  expect(welcome).toMatchObject({
    type: 'welcome',
    cookie: expect.stringContaining('HttpOnly; SameSite=Strict') as string,
  });
  const cookie = welcome.type === 'welcome' ? welcome.cookie.split(';')[0]! : '';
  expect(gate.check(ask({ cookie }), 80)).toEqual({ type: 'pass' });
  expect(gate.check(ask({ cookie: `other=1; ${cookie}` }), 80)).toEqual({ type: 'pass' });
  expect(gate.check(ask({}, `/?token=${gate.token}`), 80).type).toBe('refuse');
});

test.each([
  ['no cookie and no token', {}, '/'],
  ['a wrong token', {}, '/?token=x'],
  ['a wrong cookie', { cookie: 'pilothouse=x' }, '/'],
  ['another host', { host: 'evil.example:80' }, undefined],
  ['another port', { host: '127.0.0.1:81' }, undefined],
  ['another origin', { origin: 'https://evil.example' }, undefined],
  ['an opaque origin', { origin: 'null' }, undefined],
])('%s is refused', (_name, headers, url) => {
  const gate = createGate();
  expect(gate.check(ask(headers, url ?? `/?token=${gate.token}`), 80).type).toBe('refuse');
});

test('who had the cookie of the app before this one need not come again', () => {
  const gate = createGate({ session: 'kept' });
  expect(gate.check(ask({ cookie: 'pilothouse=kept' }), 80)).toEqual({ type: 'pass' });
  const coming = ask({ cookie: 'pilothouse=kept' }, `/?token=${gate.token}`);
  expect(gate.check(coming, 80).type).toBe('welcome');
  expect(gate.check(ask({}, `/?token=${gate.token}`), 80).type).toBe('refuse');
});
