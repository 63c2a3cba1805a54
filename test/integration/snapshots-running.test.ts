import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { app } from '#shared/contract/app.ts';
import type { Client } from '#shared/contract/contract.ts';
import type { Restoration, SnapshotsNow } from '#shared/contract/snapshots.ts';
import { connect, type ClientFrame, type ServerFrame } from '#shared/contract/wire.ts';
import { kubectlOn, type Kubectl } from '../support/kubectl.ts';
import { startPilothouse, stop, type Pilothouse } from '../support/pilothouse.ts';

/** Snapshots of a running cluster through the window's own operations, restored while it runs. */

let pilothouse: Pilothouse;
let window: Client<typeof app> & Disposable;
let kubectl: Kubectl;

beforeAll(async () => {
  pilothouse = await startPilothouse({ simulatedNodes: 2, window: true });
  kubectl = kubectlOn('kubectl', pilothouse.kubeconfig);
  window = await openWindow(pilothouse.windowUrl!);
});
afterAll(async () => {
  window?.[Symbol.dispose]();
  await pilothouse?.[Symbol.asyncDispose]();
});

test('a running cluster goes back to a snapshot, its nodes come back, and the window hears of each step', async () => {
  await kubectl(['create', 'configmap', 'kept', '--from-literal=a=then']);
  await kubectl(['create', 'secret', 'generic', 'hidden', '--from-literal=p=do-not-show']);
  const taken = await window.takeSnapshot({});
  expect(taken).toMatchObject({ kind: 'manual', proof: { keys: expect.any(Number) as number } });
  await kubectl(['patch', 'configmap', 'kept', '-p', '{"data":{"a":"now"}}']);
  await kubectl(['delete', 'secret', 'hidden']);
  await kubectl(['create', 'configmap', 'later', '--from-literal=x=y']);

  const { name } = taken;
  const { differences } = await window.snapshotDifferences({ name });
  const mine = differences.filter(({ kind }) => kind === 'ConfigMap' || kind === 'Secret');
  expect(mine.map(({ change, kind, name }) => `${change} ${kind} ${name}`)).toEqual([
    'changed ConfigMap kept',
    'new ConfigMap later',
    'gone Secret hidden',
  ]);
  const secret = { name, key: '/registry/secrets/default/hidden' };
  expect(JSON.stringify(await window.snapshotObject(secret))).not.toContain('ZG8tbm90LXNob3c=');
  expect(await window.snapshotObject({ ...secret, reveal: true })).toMatchObject({
    past: { data: { p: 'ZG8tbm90LXNob3c=' } },
  });

  const keys = [secret.key, '/registry/configmaps/default/later'];
  expect(await window.restoreObjects({ name, keys, dryRun: true })).toEqual([
    { key: keys[0], action: 'create' },
    { key: keys[1], action: 'delete' },
  ]);
  await window.restoreObjects({ name, keys: [secret.key], dryRun: false });
  expect((await kubectl(['get', 'secret', 'hidden', '-o', 'jsonpath={.data.p}'])).stdout).toBe(
    'ZG8tbm90LXNob3c=',
  );

  await window.restoreSnapshot({ name });
  const done = await restorationEnds();
  expect(done).toMatchObject({ snapshot: name, state: 'done' });
  expect(done.steps.map(({ state }) => state)).toEqual(Array.from({ length: 6 }, () => 'done'));
  const { stdout } = await kubectl(['get', 'configmap', '-o', 'name']);
  expect(stdout).toContain('configmap/kept');
  expect(stdout).not.toContain('configmap/later');
  const data = await kubectl(['get', 'configmap', 'kept', '-o', 'jsonpath={.data.a}']);
  expect(data.stdout).toBe('then');
  const now = await firstOf(window.snapshots({}));
  expect(now.snapshots.map(({ kind }) => kind)).toEqual(['precaution', 'manual']);
  await window.dismissRestoration({});
  expect((await firstOf(window.snapshots({}))).restoration).toBeUndefined();
});

test('a file goes out and comes in again, whole or not at all', async () => {
  const { name, bytes, revision } = await window.takeSnapshot({});
  const pieces: Buffer[] = [];
  for await (const piece of window.exportSnapshot({ name }))
    pieces.push(Buffer.from(piece, 'base64'));
  const whole = Buffer.concat(pieces);
  expect(whole.length).toBe(bytes);
  const half = whole.length >> 1;
  const upload = crypto.randomUUID();
  const send = (chunk: Buffer, isLast: boolean) =>
    window.importSnapshot({ upload, chunk: chunk.toString('base64'), isLast });
  await send(whole.subarray(0, half), false);
  expect(await send(whole.subarray(half), true)).toMatchObject({ kind: 'imported', revision });
  whole[half] = (whole[half] ?? 0) ^ 1;
  await expect(send(whole, true)).rejects.toThrow(/damaged/);
  const folder = join(pilothouse.home, 'clusters/default/snapshots');
  expect(readdirSync(folder).filter((file) => file.startsWith('.'))).toEqual([]);
});

test('rules hold from now on, and after a restart', async () => {
  await window.setSnapshotRules({ everyMinutes: 5, keep: { manual: 1 } });
  const { snapshots, rules } = await firstOf(window.snapshots({}));
  expect(snapshots.filter(({ kind }) => kind === 'manual')).toHaveLength(1);
  expect(rules).toEqual({ everyMinutes: 5, keep: { manual: 1 } });
  const settings = readFileSync(join(pilothouse.home, 'clusters/default/cluster.yaml'), 'utf8');
  expect(settings).toMatch(/everyMinutes: 5/);
});

test('a restoration that broke off once the store was closed goes on with the next start', async () => {
  const home = join(pilothouse.home, 'clusters/default');
  await kubectl(['create', 'configmap', 'before-the-end', '--from-literal=a=b']);
  const { name } = await window.takeSnapshot({});
  await kubectl(['delete', 'configmap', 'before-the-end']);
  await stop(pilothouse.process, 'SIGKILL');
  const journal: Restoration = {
    snapshot: name,
    state: 'running',
    steps: [
      { id: 'verify', state: 'done' },
      { id: 'precaution', state: 'done' },
      { id: 'stop', state: 'done' },
      { id: 'exchange', state: 'running' },
      { id: 'start', state: 'waiting' },
      { id: 'nodes', state: 'waiting' },
    ],
  };
  writeFileSync(join(home, 'restoration.json'), JSON.stringify(journal));
  await using again = await startPilothouse({ home: pilothouse.home, window: true });
  using reopened = await openWindow(again.windowUrl!);
  window = reopened;
  expect(await restorationEnds()).toMatchObject({ state: 'done' });
  const asked = kubectlOn('kubectl', again.kubeconfig);
  expect((await asked(['get', 'configmap', 'before-the-end', '-o', 'name'])).stdout).toContain(
    'before-the-end',
  );
});

async function restorationEnds(): Promise<Restoration> {
  for await (const { restoration } of window.snapshots({}))
    if (restoration && restoration.state !== 'running') return restoration;
  throw new Error('The window was closed');
}

async function firstOf(stream: AsyncIterable<SnapshotsNow>): Promise<SnapshotsNow> {
  for await (const now of stream) return now;
  throw new Error('Nothing was told');
}

/** What the page does in a browser: takes the cookie for the token, and speaks through a WebSocket. */
async function openWindow(url: string): Promise<Client<typeof app> & Disposable> {
  const { host, origin } = new URL(url);
  const welcome = await fetch(url, { redirect: 'manual' });
  const cookie = welcome.headers.get('set-cookie')!.split(';')[0]!;
  const socket = new WebSocket(`ws://${host}/port`, { headers: { cookie, origin } });
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  return connect(app, {
    send: (frame: ClientFrame) => socket.send(JSON.stringify(frame)),
    listen(receive, closed) {
      socket.on('message', (data: Buffer) => receive(JSON.parse(data.toString()) as ServerFrame));
      socket.on('close', closed);
      return { [Symbol.dispose]: () => socket.terminate() };
    },
  });
}
