import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { createHttp2Exchange } from '#agent/api/http2-exchange.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';

test('a server that takes the connection and says nothing is out of reach after a while', async () => {
  const server = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const clock = new FakeClock();
  using api = createHttp2Exchange({
    server: { host: '127.0.0.1', port },
    credentials: () => ({}),
    clock,
  });
  const request = {
    method: 'GET',
    path: '/version',
    headers: {},
    body: undefined,
    signal: undefined,
  };
  const outcome = api.exchange(request).catch((error: unknown) => error);
  await once(server, 'connection');
  await clock.advance(15_000);
  expect(await outcome).toMatchObject({ reason: 'ServiceUnavailable' });
  server.close();
});
