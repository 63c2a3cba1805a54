import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';
import { startHostContainers } from '../support/host-containers.ts';
import { serveHttps, type HttpsServer } from '../support/https-server.ts';
import { makePki, startTestKubelet } from '../support/kubelet.ts';
import { kubectlOn, kubectls } from '../support/kubectl.ts';
import { Multiplexer, type StreamRequest } from '#agent/tunnel/multiplexer.ts';
import { splice } from '#agent/tunnel/splice.ts';
import type { NodeDialer } from '#main/control-plane/node-dialer.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';

/** Terminals where nothing but a tunnel leads to the node. */

const web = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'default', name: 'web', uid: 'u1' },
  spec: { nodeName: 'n1', containers: [{ name: 'main', image: 'i' }] },
  status: {
    phase: 'Running',
    containerStatuses: [{ name: 'main', state: { running: {} }, lastState: {} }],
  },
} as unknown as Pod;

const stack = new AsyncDisposableStack();
let cluster: TestCluster;
let server: HttpsServer;
let tunnel: Multiplexer;

beforeAll(async () => {
  const made = stack.use(await makePki());
  tunnel = stack.use(openTunnel());
  const dialer: NodeDialer = {
    dial: (_node, target, options) => tunnel.open(target, options),
  };
  cluster = stack.use(
    await startTestCluster({ nodes: made.wayToNodes(() => cluster.server.objects, dialer) }),
  );
  server = stack.use(await serveHttps(cluster.server));
  const containers = stack.use(await startHostContainers(join(made.folder, 'logs'), [web]));
  stack.use(await startTestKubelet(cluster, made, containers));
  const { spec, status, metadata } = web;
  const key = { namespace: 'default', name: metadata.name };
  await cluster.admin.create(pods, { metadata: key, spec });
  const patch = { type: 'application/merge-patch+json', body: { status } } as const;
  await cluster.admin.patch(pods, key, patch, { subresource: 'status' });
});

afterAll(() => stack.disposeAsync());

/** The desktop's end; the node's dials what it is asked for. */
function openTunnel(): Multiplexer {
  const [desktop, node] = duplexPair();
  const answer = (request: StreamRequest): void => {
    const { host, port } = request.wanted as { readonly host: string; readonly port: number };
    const socket = connect({ host, port });
    socket.once('error', ({ message }) => request.refuse(message));
    socket.once('connect', () => splice(socket, request.accept()));
  };
  stack.use(new Multiplexer({ transport: node, end: 'node', onRequest: answer }));
  const onRequest = (request: StreamRequest): void => request.refuse('nothing is served here');
  return new Multiplexer({ transport: desktop, end: 'desktop', onRequest });
}

describe.each(kubectls())('$name', ({ binary }) => {
  test('megabytes go to a command and come back, several at once', async () => {
    const kubectl = kubectlOn(binary, server.kubeconfig);
    const input = 'x'.repeat(3 << 20);
    const all = await Promise.all(
      [1, 2, 3].map(() => kubectl(['exec', '-i', 'web', '--', 'cat'], input)),
    );
    expect(all.map(({ code, stdout }) => [code, stdout === input])).toEqual(
      all.map(() => [0, true]),
    );
  });
});

test('a tunnel that breaks ends what goes through it, with a word', async () => {
  const args = ['--kubeconfig', server.kubeconfig, 'exec', 'web', '--', 'sh', '-c'];
  const child = spawn('kubectl', [...args, 'echo begun; sleep 100']);
  const said = text(child.stderr);
  await once(child.stdout, 'data');
  tunnel[Symbol.dispose]();
  const [code] = (await once(child, 'exit')) as [number];
  expect(code).toBe(1);
  expect(await said).toContain('error reading from error stream');
  const { stderr } = await kubectlOn('kubectl', server.kubeconfig)(['logs', 'web']);
  expect(stderr).toContain('The tunnel has ended');
});
