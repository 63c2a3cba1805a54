import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { askControl, serveControl, type DrainAsker } from '#main/clusters/control-socket.ts';
import { mergeKubeconfig, writeKubeconfig } from '#main/clusters/kubeconfig.ts';
import {
  clusterNames,
  clusterProfile,
  defaultSettings,
  openProfile,
  readSettings,
  writeSettings,
} from '#main/clusters/profile.ts';

const home = mkdtempSync(join(tmpdir(), 'pilothouse-profile-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const entry = {
  name: 'lab',
  server: 'https://127.0.0.1:6443',
  authority: 'authority',
  client: { certificate: 'certificate', key: 'key' },
};

test('a profile is a private folder that remembers its settings', async () => {
  const profile = clusterProfile(home, 'lab');
  expect(await openProfile(profile)).toEqual(defaultSettings);
  await writeSettings(profile, { ...defaultSettings, port: 7443 });
  expect(await readSettings(profile)).toEqual({ ...defaultSettings, port: 7443 });
  expect(statSync(profile.folder).mode & 0o777).toBe(0o700);
  expect(await clusterNames(home)).toEqual(['lab']);
});

test.each(['', 'A', '../x', 'a/b', '-a'])('"%s" is no name of a cluster', (name) => {
  expect(() => clusterProfile(home, name)).toThrow(`Cannot use "${name}"`);
});

const kubectl = (config: string, ...args: string[]): string =>
  execFileSync('kubectl', ['--kubeconfig', config, 'config', ...args], { encoding: 'utf8' });

test('kubectl reads a kubeconfig', async () => {
  const path = join(home, 'kubeconfig');
  await writeKubeconfig(path, entry);
  expect(kubectl(path, 'current-context')).toBe('pilothouse-lab\n');
  const jsonpath = '{.clusters[0].cluster.server} {.users[0].user.client-key-data}';
  expect(kubectl(path, 'view', '--raw', '-o', `jsonpath=${jsonpath}`)).toBe(
    `https://127.0.0.1:6443 ${Buffer.from('key').toString('base64')}`,
  );
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('merging keeps what was there, beside a backup, and replaces only its own', async () => {
  const path = join(home, 'mine');
  writeFileSync(
    path,
    `apiVersion: v1
kind: Config
clusters: [{name: work, cluster: {server: "https://work:6443", proxy-url: "http://p"}}]
users: [{name: me, user: {token: secret}}]
contexts: [{name: work, context: {cluster: work, user: me}}]
current-context: work
extensions: [{name: x, extension: 1}]
`,
  );
  const before = readFileSync(path, 'utf8');
  const { backup } = await mergeKubeconfig(path, entry);
  expect(readFileSync(backup!, 'utf8')).toBe(before);
  await mergeKubeconfig(path, { ...entry, server: 'https://127.0.0.1:7443' });
  expect(kubectl(path, 'get-contexts', '-o', 'name').trim().split('\n')).toEqual([
    'pilothouse-lab',
    'work',
  ]);
  expect(kubectl(path, 'current-context')).toBe('pilothouse-lab\n');
  const raw = kubectl(path, 'view', '--raw');
  for (const text of ['token: secret', 'proxy-url: http://p', 'https://127.0.0.1:7443'])
    expect(raw).toContain(text);
  expect(raw).not.toContain('https://127.0.0.1:6443');
});

test('a running cluster answers, keeps a second one from starting, and is told to stop', async () => {
  const path = join(home, 'control.sock');
  expect(await askControl(path, { type: 'status' })).toBeUndefined();
  const running = {
    name: 'lab',
    pid: 1,
    version: 'v',
    server: 's',
    kubeconfig: 'k',
    startedAt: '2026-01-01T00:00:00Z',
  };
  const stopped = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  const handlers = {
    describe: () => running,
    stop: () => stopped.resolve(),
    addSimulated: () => Promise.reject(new Error('not here')),
    saveSnapshot: () => Promise.reject(new Error('The disk is full')),
    nodes: () => ({
      list: async () => [{ name: 'attic', machine: 'local', tunnel: 'connected' }],
      link: () => Promise.reject(new Error('No such node')),
      unlink: async () => {},
      loadImage: async (file: string) => [{ node: 'attic', images: file }],
    }),
    async drain(_node: string, { tell, signal }: DrainAsker) {
      tell({ warning: 'deleting Pods with local storage: default/web' });
      tell({ gone: 1, total: 2, waitsFor: '' });
      signal.addEventListener('abort', () => left.resolve(), { once: true });
      await left.promise;
    },
    restore: () => Promise.reject(new Error('It is damaged')),
  };
  await using control = await serveControl(path, handlers);
  expect(await askControl(path, { type: 'status' })).toEqual(running);
  await expect(serveControl(path, handlers)).rejects.toThrow('process 1 is running it already');
  await expect(askControl(path, { type: 'snapshot' })).rejects.toThrow('The disk is full');
  expect(await askControl(path, { type: 'nodes' })).toEqual([
    { name: 'attic', machine: 'local', tunnel: 'connected' },
  ]);
  await expect(askControl(path, { type: 'link', node: 'x' })).rejects.toThrow('No such node');
  const news: unknown[] = [];
  const leave = new AbortController();
  const onProgress = (one: unknown): void => {
    if (news.push(one) === 2) leave.abort(new Error('Enough'));
  };
  const drain = { type: 'drain', node: 'attic', force: false } as const;
  const { signal } = leave;
  await expect(askControl(path, drain, { onProgress, signal })).rejects.toThrow('Enough');
  await left.promise;
  expect(news).toEqual([
    { warning: 'deleting Pods with local storage: default/web' },
    { gone: 1, total: 2, waitsFor: '' },
  ]);
  const down = askControl(path, { type: 'down' });
  await stopped.promise;
  await control[Symbol.asyncDispose]();
  expect(await down).toEqual(running);
});
