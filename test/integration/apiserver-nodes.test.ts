import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';
import { serveHttps, type HttpsServer } from '../support/https-server.ts';
import type { NodeConnector } from '#main/control-plane/apiserver/node-connector.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';

const execute = promisify(execFile);
const key = { namespace: 'default', name: 'web' };
const spec = { containers: [{ name: 'main', image: 'i' }] } as unknown as Pod['spec'];

async function kubectl({ kubeconfig }: HttpsServer, ...command: string[]): Promise<string> {
  const { stdout } = await execute('kubectl', ['--kubeconfig', kubeconfig, ...command]);
  return stdout;
}

async function withPod(cluster: TestCluster): Promise<void> {
  await cluster.admin.create(pods, { metadata: key, spec });
  const body = { metadata: { name: 'web' }, target: { kind: 'Node', name: 'node-1' } };
  await cluster.admin.post(pods, { ...key, subresource: 'binding' }, body);
}

/** A kubelet in plain HTTP that writes down what it is asked. */
async function fakeKubelet(
  answer: (path: string) => { readonly code: number; readonly body: string },
): Promise<AsyncDisposable & { readonly nodes: NodeConnector; readonly asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const { code, body } = answer(request.url ?? '');
    response.writeHead(code).end(body);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const dial = (): Promise<Duplex> => Promise.resolve(connect(port, '127.0.0.1'));
  return {
    nodes: { dial, dialKubelet: dial },
    asked,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}

test("A container's log comes from its node", async () => {
  await using kubelet = await fakeKubelet(() => ({ code: 200, body: 'one\ntwo\n' }));
  await using cluster = await startTestCluster({ nodes: kubelet.nodes });
  await using server = await serveHttps(cluster.server);
  await withPod(cluster);
  expect(await kubectl(server, 'logs', 'web', '--tail=2')).toBe('one\ntwo\n');
  expect(kubelet.asked).toEqual(['/containerLogs/default/web/main?tailLines=2']);
});

test.each([
  [404, 'pod "web" does not exist', 'could not find the requested resource ( pods/log web)'],
  [400, 'previous terminated container "main" not found', 'container "main" not found'],
  [500, 'broken', 'Internal error occurred: broken'],
])('A kubelet that refuses a log with %i is quoted as upstream quotes it', async (...row) => {
  const [code, body, expected] = row;
  await using kubelet = await fakeKubelet(() => ({ code, body }));
  await using cluster = await startTestCluster({ nodes: kubelet.nodes });
  await using server = await serveHttps(cluster.server);
  await withPod(cluster);
  await expect(kubectl(server, 'logs', 'web')).rejects.toThrow(expected);
});

test.each([
  ['tailLines=-1', 'tailLines: Invalid value: -1: must be greater than or equal to 0'],
  ['limitBytes=0', 'limitBytes: Invalid value: 0: must be greater than 0'],
  ['sinceSeconds=0', 'sinceSeconds: Invalid value: 0: must be greater than 0'],
  [
    'sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z',
    'at most one of `sinceTime` or `sinceSeconds` may be specified',
  ],
  ['stream=Both', 'stream: Unsupported value: "Both": supported values: "All", "Stderr", "Stdout"'],
  ['stream=Stdout&tailLines=1', '`tailLines` and specific `stream` are mutually exclusive for now'],
  ['tailLines=x', 'strconv.ParseInt: parsing "x": invalid syntax'],
])('Options of a log that make no sense are refused: %s', async (query, expected) => {
  await using kubelet = await fakeKubelet(() => ({ code: 200, body: '' }));
  await using cluster = await startTestCluster({ nodes: kubelet.nodes });
  await using server = await serveHttps(cluster.server);
  await withPod(cluster);
  const path = `/api/v1/namespaces/default/pods/web/log?${query}`;
  await expect(kubectl(server, 'get', '--raw', path)).rejects.toThrow(expected);
  expect(kubelet.asked).toEqual([]);
});

test('Without a way to the node, logs and terminals say so', async () => {
  await using cluster = await startTestCluster();
  await using server = await serveHttps(cluster.server);
  await withPod(cluster);
  const reason = 'there is no way from this server to node node-1';
  await expect(kubectl(server, 'logs', 'web')).rejects.toThrow(reason);
  await expect(kubectl(server, 'exec', 'web', '--', 'true')).rejects.toThrow(reason);
});
