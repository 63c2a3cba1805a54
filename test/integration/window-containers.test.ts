import { createServer, connect as dial } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createHttpsTransport } from '#main/clusters/https-transport.ts';
import { PortForwards } from '#main/port-forward/forwards.ts';
import { containerHandlers } from '#main/window/containers.ts';
import { pods } from '#shared/api/core/pod.ts';
import { deployments } from '#shared/api/apps/deployment.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { silentLog } from '#shared/base/log.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import type { TerminalOutput } from '#shared/contract/containers.ts';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';
import { startHostContainers, type HostContainers } from '../support/host-containers.ts';
import { serveHttps, type HttpsServer } from '../support/https-server.ts';
import { makePki, startTestKubelet, type TestKubelet, type TestPki } from '../support/kubelet.ts';

/** What the window does with containers, on a kubelet's real server whose commands run on this machine. */

const podOf = (name: string, uid: string): Pod =>
  ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'default', name, uid, labels: { app: 'web' } },
    spec: { nodeName: 'n1', containers: [{ name: 'main', image: 'i' }] },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: [{ name: 'main', state: { running: {} }, lastState: {} }],
    },
  }) as unknown as Pod;
const web = podOf('web-1', 'u1');
const successor = podOf('web-2', 'u2');

let made: TestPki;
let kubelet: TestKubelet;
let containers: HostContainers;
let cluster: TestCluster;
let server: HttpsServer;
let forwards: PortForwards;
let handlers: ReturnType<typeof containerHandlers>;
const stop = new AbortController();
const context = { signal: stop.signal };
const where = { namespace: 'default', pod: 'web-1', container: 'main' };

beforeAll(async () => {
  made = await makePki();
  cluster = await startTestCluster({ nodes: made.wayToNodes(() => cluster.server.objects) });
  server = await serveHttps(cluster.server);
  containers = await startHostContainers(join(made.folder, 'logs'), [web, successor]);
  kubelet = await startTestKubelet(cluster, made, containers);
  await create(web);
  await cluster.admin.create(deployments, {
    metadata: { namespace: 'default', name: 'web' },
    spec: {
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'main', image: 'i' }] },
      },
    } as never,
  });
  const access = { server: server.url, ca: server.certificate };
  const api = createHttpsTransport(access);
  forwards = new PortForwards({ api, access, clock: systemClock, log: silentLog });
  handlers = containerHandlers({ access, forwards });
});
afterAll(async () => {
  stop.abort();
  await forwards[Symbol.asyncDispose]();
  await kubelet[Symbol.asyncDispose]();
  await containers[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
  made[Symbol.dispose]();
});

async function create({ metadata, spec, status }: Pod): Promise<void> {
  const key = { namespace: 'default', name: metadata.name };
  await cluster.admin.create(pods, { metadata: { ...key, labels: metadata.labels! }, spec });
  const patch = { type: 'application/merge-patch+json', body: { status } } as const;
  await cluster.admin.patch(pods, key, patch, { subresource: 'status' });
}

test('a log is followed, each line with its time, until nobody listens', async () => {
  containers.writeLog('u1', 'main', ['first', 'second']);
  const leave = new AbortController();
  let seen = '';
  for await (const piece of handlers.containerLog(
    { ...where, follow: true, tailLines: 1 },
    { signal: leave.signal },
  )) {
    seen += piece;
    if (seen.includes('third')) break;
    containers.writeLog('u1', 'main', ['third']);
  }
  leave.abort();
  expect(seen).toMatch(/^2026-\S+Z second\n2026-\S+Z third\n/);
});

test('a log that is not there says why in the server’s words', async () => {
  const reading = handlers.containerLog({ ...where, pod: 'nobody', follow: false }, context);
  await expect(Array.fromAsync(reading)).rejects.toMatchObject({ reason: 'NotFound' });
});

test('a terminal takes what is typed, and ends with the command’s code', async () => {
  const id = crypto.randomUUID();
  const command = ['sh', '-c', 'read line; echo "got $line"; exit 3'];
  const seen: TerminalOutput[] = [];
  const input = { ...where, id, command, columns: 80, rows: 24 };
  for await (const output of handlers.terminal(input, context)) {
    seen.push(output);
    if (output.type === 'open') {
      await handlers.resizeTerminal({ id, columns: 100, rows: 30 }, context);
      await handlers.typeIntoTerminal({ id, text: 'grüße\n' }, context);
    }
  }
  const written = seen.flatMap((each) => (each.type === 'output' ? each.text : [])).join('');
  expect(written).toContain('got grüße');
  expect(seen.at(-1)).toEqual({ type: 'ended', code: 3 });
  expect(() => handlers.typeIntoTerminal({ id, text: 'x' }, context)).toThrow(/not open any more/);
});

test('a forwarded port stays when the pod behind it is replaced', async () => {
  const target = createServer((socket) => socket.end('hello from the pod'));
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
  const { port } = target.address() as { port: number };
  const forward = await handlers.startPortForward(
    { target: { kind: 'deployments', namespace: 'default', name: 'web' }, port },
    context,
  );
  expect(await read(forward.localPort)).toBe('hello from the pod');
  expect(forwards.list()).toMatchObject([{ id: forward.id, pod: 'web-1' }]);

  await cluster.admin.delete(
    pods,
    { namespace: 'default', name: 'web-1' },
    { gracePeriodSeconds: 0 },
  );
  expect(await read(forward.localPort)).toBe('');
  expect(forwards.list()).toMatchObject([
    { problem: 'No pod of deployment default/web is ready; see why on its page' },
  ]);
  await create(successor);
  expect(await read(forward.localPort)).toBe('hello from the pod');
  await expect.poll(() => forwards.list()[0]).toMatchObject({ pod: 'web-2', connections: 0 });
  await expect.poll(() => forwards.list()[0]?.problem).toBeUndefined();

  const taken = handlers.startPortForward(
    { target: forward.target, port, localPort: forward.localPort },
    context,
  );
  await expect(taken).rejects.toThrow(/somebody else listens there/);
  await handlers.stopPortForward({ id: forward.id }, context);
  expect(forwards.list()).toEqual([]);
  await expect(read(forward.localPort)).rejects.toThrow(/ECONNREFUSED/);
  target.close();
});

function read(port: number): Promise<string> {
  const socket = dial(port, '127.0.0.1');
  return text(socket);
}
