import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { request } from 'node:https';
import { connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Duplex } from 'node:stream';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';
import { serveHttps, type HttpsServer } from '../support/https-server.ts';
import { talk } from '../support/web-socket.ts';
import { endpointSlices } from '#shared/api/discovery/endpoint-slice.ts';
import { nodes } from '#shared/api/core/node.ts';
import { pods } from '#shared/api/core/pod.ts';
import { services } from '#shared/api/core/service.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';

const execute = promisify(execFile);
const namespace = 'default';
const podPrefix = '/api/v1/namespaces/default/pods/web/proxy';
let backend: Server;
let port: number;
let cluster: TestCluster;
let server: HttpsServer;

beforeAll(async () => {
  backend = createServer((incoming, response) => void answer(incoming, response));
  const sockets = new WebSocketServer({ server: backend });
  sockets.on('connection', (socket) => {
    socket.on('message', (message: Buffer) => {
      socket.send(`you said ${String(message)}`);
      socket.close();
    });
  });
  await once(backend.listen(0, '127.0.0.1'), 'listening');
  ({ port } = backend.address() as AddressInfo);
  const dial = async (_node: string, target: { readonly port: number }): Promise<Duplex> => {
    const socket = connect(target.port, '127.0.0.1');
    await once(socket, 'connect').catch(() => {
      throw new Error(`dial tcp 10.244.0.9:${target.port}: connect: connection refused`);
    });
    return socket;
  };
  const dialKubelet = (): Promise<Duplex> => dial('', { port });
  cluster = await startTestCluster({ nodes: { dial, dialKubelet } });
  server = await serveHttps(cluster.server);
  await fill();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
  backend.closeAllConnections();
  backend.close();
});

/** A pod on a node, behind a service that names its port. */
async function fill(): Promise<void> {
  const { admin } = cluster;
  await admin.create(nodes, { metadata: { name: 'n1' }, spec: {} });
  const containers = [{ name: 'main', image: 'i', ports: [{ containerPort: port }] }];
  const spec = { containers, nodeName: 'n1' } as unknown as Pod['spec'];
  await admin.create(pods, { metadata: { namespace, name: 'web' }, spec });
  const status = { podIP: '10.244.0.9', podIPs: [{ ip: '10.244.0.9' }] };
  const patch = { type: 'application/merge-patch+json', body: { status } } as const;
  await admin.patch(pods, { namespace, name: 'web' }, patch, { subresource: 'status' });
  await admin.create(services, {
    metadata: { namespace, name: 'web' },
    spec: { ports: [{ name: 'http', port: 80 }] },
  });
  await admin.create(endpointSlices, {
    metadata: { namespace, name: 'web', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port }],
    endpoints: [
      {
        addresses: ['10.244.0.9'],
        conditions: {},
        nodeName: 'n1',
        targetRef: { kind: 'Pod', name: 'web' },
      },
    ],
  });
}

/** Says what it was asked; some paths answer in a special way. */
async function answer(
  incoming: IncomingMessage,
  response: import('node:http').ServerResponse,
): Promise<void> {
  const { method, url = '', headers } = incoming;
  if (url === '/redirect') response.writeHead(302, { location: '/there/' }).end();
  else if (url === '/page') {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    response.end('<a href="/x">x</a>');
  } else if (url === '/zipped') {
    response.writeHead(200, { 'content-type': 'text/html', 'content-encoding': 'gzip' });
    response.end(gzipSync('<a href="/x">x</a>'));
  } else {
    const body = await text(incoming);
    response.writeHead(url === '/teapot' ? 418 : 200, {
      'content-type': 'application/json',
      'access-control-allow-origin': '*',
    });
    const seen = {
      host: headers.host,
      uri: headers['x-forwarded-uri'],
      custom: headers['x-custom'],
    };
    const secret = headers.authorization;
    response.end(JSON.stringify({ method, url, body, secret, ...seen }));
  }
}

interface Answer {
  readonly code: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

async function send(
  path: string,
  { method = 'GET', body = '' }: { readonly method?: string; readonly body?: string } = {},
): Promise<Answer> {
  const call = request(`${server.url}${path}`, {
    method,
    ca: server.certificate,
    headers: { authorization: 'Bearer secret', 'x-custom': 'kept', 'content-length': body.length },
  });
  call.end(body);
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  return {
    code: response.statusCode!,
    headers: response.headers,
    body: await text(response),
  };
}

test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
  '%s goes through with body, query and headers, but for credentials',
  async (method) => {
    const body = method === 'GET' ? '' : 'a body';
    const {
      code,
      headers,
      body: said,
    } = await send(`${podPrefix}/a%20b/c/?q=1&q=2`, { method, body });
    expect({ code, ...(JSON.parse(said) as object) }).toEqual({
      code: 200,
      method,
      url: '/a%20b/c/?q=1&q=2',
      body,
      host: server.url.replace('https://', ''),
      uri: `${podPrefix}/a%20b/c/`,
      custom: 'kept',
    });
    expect(headers['access-control-allow-origin']).toBeUndefined();
  },
);

test.each([
  ['a pod with a port', () => `/api/v1/namespaces/default/pods/web:${port}/proxy/x`],
  ['a pod with a scheme', () => `/api/v1/namespaces/default/pods/http:web:${port}/proxy/x`],
  ['a service by port name', () => '/api/v1/namespaces/default/services/web:http/proxy/x'],
  ['a service by port number', () => '/api/v1/namespaces/default/services/web:80/proxy/x'],
  ['a node', () => '/api/v1/nodes/n1/proxy/x'],
  ['a node with its port', () => '/api/v1/nodes/n1:10250/proxy/x'],
])('%s is reached', async (_what, path) => {
  const { code, body } = await send(path());
  expect({ code, url: (JSON.parse(body) as { url: string }).url }).toEqual({
    code: 200,
    url: '/x',
  });
});

test("The other side's status is passed on, and HEAD has no body", async () => {
  expect((await send(`${podPrefix}/teapot`)).code).toBe(418);
  expect(await send(`${podPrefix}/x`, { method: 'HEAD' })).toMatchObject({ code: 200, body: '' });
});

test('Redirections and links lead through the proxy again', async () => {
  expect((await send(`${podPrefix}/redirect`)).headers.location).toBe(`${podPrefix}/there/`);
  const page = `<a href="${podPrefix}/x">x</a>`;
  expect((await send(`${podPrefix}/page`)).body).toBe(page);
  expect((await send(`${podPrefix}/zipped`)).body).toBe(page);
});

test('A proxy without a path leads to its root', async () => {
  const { code, headers } = await send(`${podPrefix}?q=1`);
  expect([code, headers.location]).toEqual([301, `${podPrefix}/?q=1`]);
});

test.each([
  ['pods/nope/proxy/', 404, 'pods "nope" not found'],
  ['pods/ftp:web:1/proxy/', 400, 'invalid pod request "ftp:web:1"'],
  ['pods/web:1/proxy/', 503, 'dial tcp 10.244.0.9:1: connect: connection refused'],
  ['services/web:81/proxy/', 503, 'no service port 81 found for service "web"'],
  ['services/web:other/proxy/', 503, 'no endpoints available for service "web:other"'],
  ['services/nope/proxy/', 404, 'services "nope" not found'],
])('%s answers %i', async (path, code, message) => {
  const { body, ...answered } = await send(`/api/v1/namespaces/default/${path}`);
  const status = JSON.parse(body) as { readonly message: string; readonly code: number };
  expect([answered.code, status.code]).toEqual([code, code]);
  expect(status.message).toContain(message);
});

test('A WebSocket goes through to the pod', async () => {
  const { messages } = await talk(server, `${podPrefix}/socket`, {
    send: (socket) => socket.send('hello'),
  });
  expect(messages.map(String)).toEqual(['you said hello']);
});

test('A request that wants to be upgraded where nothing is upgraded is served as it is', async () => {
  const call = request(`${server.url}/version`, {
    ca: server.certificate,
    headers: { connection: 'Upgrade', upgrade: 'websocket' },
  });
  call.end();
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  expect(response.statusCode).toBe(200);
  expect(await text(response)).toContain('gitVersion');
});

test('A list is watched over a WebSocket, an event a message', async () => {
  const path = '/api/v1/namespaces/default/pods?watch=true&resourceVersion=0';
  const { messages } = await talk(server, path, { until: () => true });
  const event = JSON.parse(String(messages[0])) as { type: string; object: Pod };
  expect([event.type, event.object.metadata.name]).toEqual(['ADDED', 'web']);
});

test('kubectl reads through a proxy', async () => {
  const path = '/api/v1/namespaces/default/services/web:80/proxy/x';
  const { stdout } = await execute('kubectl', [
    '--kubeconfig',
    server.kubeconfig,
    'get',
    '--raw',
    path,
  ]);
  expect(JSON.parse(stdout)).toMatchObject({ method: 'GET', url: '/x' });
});
