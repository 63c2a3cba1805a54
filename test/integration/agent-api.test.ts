import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startPilothouse } from '../support/pilothouse.ts';
import { createHttp2Exchange } from '#agent/api/http2-exchange.ts';
import { nodeCertificate } from '#main/clusters/certificates.ts';
import { openPki } from '#main/clusters/pki.ts';
import { configMaps } from '#shared/api/core/config-map.ts';
import { nodes } from '#shared/api/core/node.ts';
import { systemClock as clock } from '#shared/base/system-clock.ts';
import { createCluster } from '#shared/client/cluster.ts';
import { createHttpTransport } from '#shared/client/http-transport.ts';

/** A way to the server that can be cut and opened again. */
async function openPassage(port: number): Promise<AsyncDisposable & { port: number; cut(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => (sockets.delete(socket), near.destroy(), far.destroy()));
    }
    near.pipe(far).pipe(near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => sockets.forEach((socket) => socket.destroy());
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    async [Symbol.asyncDispose]() {
      server.close();
      cut();
      await once(server, 'close');
    },
  };
}

test('An agent asks and watches as its node, and goes on over a new connection when one is lost', async () => {
  await using app = await startPilothouse({ simulatedNodes: 0 });
  await using passage = await openPassage(app.port);
  const pki = await openPki({ folder: join(app.home, 'clusters/default/pki'), clock });
  const { certificate: cert, key } = await pki.certificate(nodeCertificate('a'));
  const credentials = { ca: pki.authority('cluster').certificate, cert, key };
  const server = { host: '127.0.0.1', port: passage.port };
  using api = createHttp2Exchange({ server, credentials: () => credentials, clock });
  const cluster = createCluster(createHttpTransport(api.exchange));

  await cluster.create(nodes, { metadata: { name: 'a' } });
  await expect(cluster.list(configMaps, { namespace: 'default' })).rejects.toMatchObject({
    reason: 'Forbidden',
  });
  const watch = cluster.watch(nodes, { fieldSelector: 'metadata.name=a' })[Symbol.asyncIterator]();
  const { value } = await watch.next();
  expect(value).toMatchObject([{ type: 'ADDED', object: { metadata: { name: 'a' } } }]);

  const next = watch.next();
  passage.cut();
  await expect(next).rejects.toMatchObject({ reason: 'ServiceUnavailable' });
  expect((await cluster.get(nodes, { name: 'a' })).metadata.name).toBe('a');
});

test('A server that is away is an error that says so', async () => {
  const server = { host: '127.0.0.1', port: 1 };
  using api = createHttp2Exchange({ server, credentials: () => ({}), clock });
  const cluster = createCluster(createHttpTransport(api.exchange));
  await expect(cluster.list(nodes)).rejects.toMatchObject({
    reason: 'ServiceUnavailable',
    message: expect.stringContaining('is the control plane running') as string,
  });
});
