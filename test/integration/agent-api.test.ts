import { mkdtemp, rm } from 'node:fs/promises';
import { createSecureServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { startPilothouse } from '../support/pilothouse.ts';
import { createHttp2Exchange } from '#agent/api/http2-exchange.ts';
import { apiServerCertificate, nodeCertificate } from '#main/clusters/certificates.ts';
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
}, 60_000);

test('A server that is away is an error that says so', async () => {
  const server = { host: '127.0.0.1', port: 1 };
  using api = createHttp2Exchange({ server, credentials: () => ({}), clock });
  const cluster = createCluster(createHttpTransport(api.exchange));
  await expect(cluster.list(nodes)).rejects.toMatchObject({
    reason: 'ServiceUnavailable',
    message: expect.stringContaining('is the control plane running') as string,
  });
});

type Cuttable = Awaited<ReturnType<typeof startHalfServer>>;

/** Answers everything with 200 and leaves the rest to the test; with an agent's way to it. */
async function startHalfServer() {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'pilothouse-half-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const pki = await openPki({ folder, clock });
  const names = { serviceAddress: '10.96.0.1', clusterDomain: 'cluster.local', hostNames: [] };
  const { certificate: cert, key } = await pki.certificate(apiServerCertificate(names));
  const server = createSecureServer({ cert, key }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sessions: ServerHttp2Session[] = [];
  server.on('session', (session) => void sessions.push(session));
  server.on('sessionError', () => {}); // the test ends it
  const streams: ServerHttp2Stream[] = [];
  server.on('stream', (stream) => {
    stream.on('error', () => {}); // likewise
    stream.respond({ ':status': 200 });
    stream.write('said;');
    streams.push(stream);
  });
  stack.defer(async () => {
    for (const session of sessions) session.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  const api = stack.use(
    createHttp2Exchange({
      server: { host: '127.0.0.1', port },
      credentials: () => ({ ca: pki.authority('cluster').certificate }),
      clock,
    }),
  );
  const request = { method: 'GET', path: '/', headers: {}, body: undefined, signal: undefined };
  const { body } = await api.exchange(request);
  const owned = stack.move();
  return {
    api,
    body,
    session: sessions[0]!,
    stream: streams[0]!,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

test('an answer that is whole stays so, though it is read after the server has closed the stream', async () => {
  await using half = await startHalfServer();
  half.stream.end('x'.repeat(10_000));
  half.stream.close();
  await once(half.stream, 'close');
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await text(half.body)).toBe(`said;${'x'.repeat(10_000)}`);
});

test.each([
  { what: 'the server', cut: ({ session }: Cuttable) => session.destroy() },
  { what: 'the agent', cut: ({ api }: Cuttable) => api[Symbol.dispose]() },
])('an answer that $what has cut off is none', async ({ cut }) => {
  await using half = await startHalfServer();
  const read = text(half.body);
  cut(half);
  await expect(read).rejects.toMatchObject({
    reason: 'ServiceUnavailable',
    message: expect.stringContaining('The connection was lost'),
  });
});
