import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { request } from 'node:https';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { startTestCluster } from '../support/cluster.ts';
import { serveHttps, type HttpsServer } from '../support/https-server.ts';
import { configMaps } from '#shared/api/core/config-map.ts';

const execute = promisify(execFile);

async function kubectl({ kubeconfig }: HttpsServer, ...command: string[]): Promise<string> {
  const { stdout } = await execute('kubectl', ['--kubeconfig', kubeconfig, ...command]);
  return stdout;
}

interface Answer {
  readonly code: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

interface Sent {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** Over HTTP/1.1. */
function send(server: HttpsServer, path: string, sent: Sent = {}): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const call = request(
    `${server.url}${path}`,
    {
      method: sent.method ?? 'GET',
      headers: sent.headers ?? {},
      ca: server.certificate,
      agent: false,
    },
    (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () =>
        resolve({ code: response.statusCode!, headers: response.headers, body }),
      );
    },
  );
  call.on('error', reject);
  call.end(sent.body);
  return promise;
}

test('kubectl creates, lists, patches and deletes', async () => {
  await using cluster = await startTestCluster();
  await using server = await serveHttps(cluster.server);
  expect(await kubectl(server, 'create', 'configmap', 'a', '--from-literal=k=v')).toBe(
    'configmap/a created\n',
  );
  expect(await kubectl(server, 'label', 'configmap', 'a', 'x=y')).toBe('configmap/a labeled\n');
  expect(await kubectl(server, 'get', 'configmaps', '-l', 'x=y', '-o', 'name')).toBe(
    'configmap/a\n',
  );
  expect(await kubectl(server, 'run', 'web', '--image=nginx')).toBe('pod/web created\n');
  expect(await kubectl(server, 'get', 'pods', '-A', '--no-headers')).toMatch(
    /^default +web +0\/1 +Pending/,
  );
  expect(await kubectl(server, 'delete', 'pod/web', 'configmap/a')).toBe(
    'pod "web" deleted\nconfigmap "a" deleted\n',
  );
  await expect(kubectl(server, 'get', 'configmap', 'a')).rejects.toThrow(
    'Error from server (NotFound): configmaps "a" not found',
  );
});

test.each<[string, Sent, number, object]>([
  [
    '/api/v1/namespaces/default/configmaps/nope',
    {},
    404,
    { reason: 'NotFound', details: { name: 'nope', kind: 'configmaps' } },
  ],
  ['/api/v1/namespaces/default/configmaps/a', { method: 'HEAD' }, 405, {}],
  [
    '/api/v1/namespaces/default/configmaps',
    { headers: { accept: 'text/plain' } },
    406,
    { reason: 'NotAcceptable' },
  ],
  [
    '/api/v1/namespaces/default/configmaps',
    { method: 'POST', body: '{', headers: { 'content-type': 'text/plain' } },
    415,
    { reason: 'UnsupportedMediaType' },
  ],
  [
    '/api/v1/namespaces/default/configmaps',
    { method: 'POST', body: '{bad' },
    400,
    { reason: 'BadRequest' },
  ],
  [
    '/api/v1/namespaces/default/configmaps',
    { method: 'POST', body: `{"data":{"k":"${'x'.repeat(3 * 1024 * 1024)}"}}` },
    413,
    { reason: 'RequestEntityTooLarge', message: 'Request entity is too large: limit is 3145728' },
  ],
])('%s %j is answered with %i', async (path, sent, code, status) => {
  await using cluster = await startTestCluster();
  await using server = await serveHttps(cluster.server);
  const answer = await send(server, path, sent);
  expect(answer.code).toBe(code);
  expect(answer.headers['audit-id']).toMatch(/^[0-9a-f-]{36}$/);
  expect(JSON.parse(answer.body || '{}')).toMatchObject(status);
});

test('A watch over HTTP/2 sends its headers at once and ends when its time is over', async () => {
  await using cluster = await startTestCluster();
  await using server = await serveHttps(cluster.server);
  const session = connect(server.url, { ca: server.certificate });
  const stream = session.request({
    ':path': '/api/v1/namespaces/default/configmaps?watch=true&timeoutSeconds=1&resourceVersion=1',
  });
  const headers = await new Promise<Record<string, unknown>>((resolve) => {
    stream.once('response', resolve);
  });
  expect(headers).toMatchObject({ ':status': 200, 'content-type': 'application/json' });
  expect(headers).not.toHaveProperty('connection');
  await cluster.admin.create(configMaps, { metadata: { namespace: 'default', name: 'a' } });
  let text = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) text += String(chunk);
  session.close();
  expect(
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object),
  ).toMatchObject([
    { type: 'ADDED', object: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a' } } },
  ]);
});

test('A large list comes compressed to who accepts that', async () => {
  await using cluster = await startTestCluster();
  await using server = await serveHttps(cluster.server);
  const data = { k: 'x'.repeat(200_000) };
  await cluster.admin.create(configMaps, { metadata: { namespace: 'default', name: 'a' }, data });
  const path = '/api/v1/namespaces/default/configmaps';
  const plain = await send(server, path);
  expect(JSON.parse(plain.body)).toMatchObject({ kind: 'ConfigMapList', items: [{ data }] });
  const packed = await send(server, path, { headers: { 'accept-encoding': 'gzip' } });
  expect(packed.headers).toMatchObject({ 'content-encoding': 'gzip' });
  expect(Number(packed.headers['content-length'])).toBeLessThan(20_000);
});

test('A very large list is written bit by bit: the same bytes by either HTTP, and a client may leave', async () => {
  await using cluster = await startTestCluster();
  await using server = await serveHttps(cluster.server);
  const sizes = Array.from({ length: 60 }, (_, index) =>
    index === 30 ? 1_000_000 : 50_000 + index,
  );
  for (const [index, size] of sizes.entries())
    await cluster.admin.create(configMaps, {
      metadata: { namespace: 'default', name: `map-${String(index).padStart(2, '0')}` },
      data: { text: String(index % 10).repeat(size) },
    });
  const path = '/api/v1/namespaces/default/configmaps';
  const first = await send(server, path);
  const list = JSON.parse(first.body) as { readonly items: { readonly data: { text: string } }[] };
  expect(list.items.map(({ data }) => data.text.length)).toEqual(sizes);
  expect(first.headers['content-length']).toBe(String(Buffer.byteLength(first.body)));

  const session = connect(server.url, { ca: server.certificate });
  const left = session.request({ ':path': path });
  left.on('error', () => {}); // what it breaks off with is not the point
  await once(left, 'data');
  left.close();
  const stream = session.request({ ':path': path });
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(stream, 'end');
  expect(Buffer.concat(chunks).toString()).toBe(first.body);
  session.destroy();
});

test('Disposing the server ends its watches at once, and waits for nobody', async () => {
  await using cluster = await startTestCluster();
  const server = await serveHttps(cluster.server);
  const session = connect(server.url, { ca: server.certificate });
  const path = '/api/v1/configmaps?watch=true';
  const stream = session.request({ ':path': path });
  const overHttp1 = send(server, path);
  await new Promise((resolve) => {
    stream.once('response', resolve);
  });
  const ended = new Promise((resolve) => {
    stream.once('end', resolve);
  });
  stream.resume();
  await expect
    .poll(() => send(server, '/metrics').then(({ body }) => body))
    .toContain('resource="configmaps",verb="WATCH",version="v1"} 2');
  const started = performance.now();
  await cluster.server[Symbol.asyncDispose]();
  expect(performance.now() - started).toBeLessThan(1_000);
  await ended;
  expect((await overHttp1).code).toBe(200);
  session.close();
});

test('A watcher that does not read is ended, and the others go on', async () => {
  await using cluster = await startTestCluster();
  await using server = await serveHttps(cluster.server);
  const session = connect(server.url, { ca: server.certificate });
  const path = '/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=0';
  const lazy = session.request({ ':path': path });
  lazy.pause();
  const over = new Promise<void>((resolve) => {
    lazy.once('close', resolve);
  });
  const other = session.request({ ':path': path });
  let seen = 0;
  other.on('data', (chunk: Buffer) => (seen += chunk.filter((byte) => byte === 0x0a).length));
  await Promise.all([once(lazy, 'response'), once(other, 'response')]);
  const text = 'x'.repeat(1_000_000);
  let made = 0;
  while (!lazy.closed && made < 100) {
    const metadata = { namespace: 'default', name: `large-${made++}` };
    await cluster.admin.create(configMaps, { metadata, data: { text } });
    await expect.poll(() => seen).toBe(made);
  }
  await over;
  expect(lazy.rstCode).toBe(8); // cancelled
  expect(made).toBeLessThan(80);
  session.destroy();
});
