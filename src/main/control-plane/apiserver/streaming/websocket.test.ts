import { expect, test } from 'vitest';
import { takeTokenFromProtocol } from '#main/control-plane/apiserver/streaming/websocket.ts';

const token = `base64url.bearer.authorization.k8s.io.${Buffer.from('secret').toString('base64url')}`;

test.each([
  [`v4.channel.k8s.io, ${token}`, 'v4.channel.k8s.io', 'Bearer secret'],
  [
    `${token},binary.k8s.io,base64.binary.k8s.io`,
    'binary.k8s.io, base64.binary.k8s.io',
    'Bearer secret',
  ],
  [token, token, undefined],
  [`${token}, ${token}, v4.channel.k8s.io`, `${token}, ${token}, v4.channel.k8s.io`, undefined],
  ['v4.channel.k8s.io', 'v4.channel.k8s.io', undefined],
  [undefined, undefined, undefined],
])('of %s there stays %s, and the caller has %s', (offered, left, authorization) => {
  const headers = offered === undefined ? {} : { 'sec-websocket-protocol': offered };
  takeTokenFromProtocol(headers);
  expect(headers).toEqual({
    ...(left !== undefined && { 'sec-websocket-protocol': left }),
    ...(authorization !== undefined && { authorization }),
  });
});

test('A token in the header wins', () => {
  const headers = { authorization: 'Bearer other', 'sec-websocket-protocol': `a, ${token}` };
  takeTokenFromProtocol(headers);
  expect(headers).toEqual({ authorization: 'Bearer other', 'sec-websocket-protocol': 'a' });
});
