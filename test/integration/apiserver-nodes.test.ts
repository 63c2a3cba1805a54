import { execFile } from 'node:child_process';
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

test("A container's log comes from its node", async () => {
  const asked: string[] = [];
  const nodes: NodeConnector = {
    async request(node, { path }) {
      asked.push(`${node} ${path}`);
      async function* body() {
        yield Buffer.from('one\n');
        yield Buffer.from('two\n');
      }
      return { code: 200, headers: {}, body: body() };
    },
    upgrade: () => Promise.reject(new Error('not asked for')),
  };
  await using cluster = await startTestCluster({ nodes });
  await using server = await serveHttps(cluster.server);
  await withPod(cluster);
  expect(await kubectl(server, 'logs', 'web', '--tail=2')).toBe('one\ntwo\n');
  expect(asked).toEqual(['node-1 /containerLogs/default/web/main?tailLines=2']);
});

test('Without a way to the node, logs and terminals say so', async () => {
  await using cluster = await startTestCluster();
  await using server = await serveHttps(cluster.server);
  await withPod(cluster);
  const reason = 'there is no way from this server to node node-1';
  await expect(kubectl(server, 'logs', 'web')).rejects.toThrow(reason);
  await expect(kubectl(server, 'exec', 'web', '--', 'true')).rejects.toThrow(reason);
});
