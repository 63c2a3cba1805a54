import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { Exec, KubeConfig, PortForward, type V1Status } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';
import { startContainerdPod, type ContainerdPod } from '../support/hosts/containerd-pod.ts';
import { startHosts, type TestHosts } from '../support/hosts/index.ts';
import { serveHttps, type HttpsServer } from '../support/https-server.ts';
import { makePki, startTestKubelet, type TestPki } from '../support/kubelet.ts';
import { follow, kubectlOn, kubectls } from '../support/kubectl.ts';
import { talk } from '../support/web-socket.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';

/**
 * A real containerd behind the kubelet's server behind the API server, all the way from kubectl: what
 * the units and the server made for tests cannot tell is how Go's own SPDY takes to ours.
 */

const minutes = 60_000;
const serve = 'mkdir -p /w && echo served >/w/index.html && httpd -f -p 8080 -h /w';
const count = 'i=0; while :; do i=$((i+1)); echo line $i; sleep 0.2; done';
const repeat = 'while read line; do echo "got $line"; done';

const web = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'default', name: 'web', uid: 'aaaa-bbbb' },
  spec: {
    nodeName: 'n1',
    containers: [
      { name: 'main', image: 'busybox', command: ['sh', '-c', serve] },
      { name: 'count', image: 'busybox', command: ['sh', '-c', count] },
      { name: 'repeat', image: 'busybox', command: ['sh', '-c', repeat], stdin: true },
      { name: 'shell', image: 'busybox', command: ['sh'], stdin: true, tty: true },
    ],
  },
  status: {
    phase: 'Running',
    containerStatuses: ['main', 'count', 'repeat', 'shell'].map((name) => ({
      name,
      state: { running: {} },
      lastState: {},
    })),
  },
} as unknown as Pod;

const stack = new AsyncDisposableStack();
let hosts: TestHosts;
let containers: ContainerdPod;
let made: TestPki;
let cluster: TestCluster;
let server: HttpsServer;
let folder: string;

beforeAll(async () => {
  hosts = stack.use(await startHosts({ count: 1, kind: 'container' }));
  containers = stack.use(await startContainerdPod(hosts.hosts[0]!, web));
  made = stack.use(await makePki());
  cluster = stack.use(
    await startTestCluster({ nodes: made.wayToNodes(() => cluster.server.objects) }),
  );
  server = stack.use(await serveHttps(cluster.server));
  stack.use(await startTestKubelet(cluster, made, containers));
  folder = mkdtempSync(join(tmpdir(), 'pilothouse-streams-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const { spec, status, metadata } = web;
  const key = { namespace: 'default', name: metadata.name };
  await cluster.admin.create(pods, { metadata: key, spec });
  const patch = { type: 'application/merge-patch+json', body: { status } } as const;
  await cluster.admin.patch(pods, key, patch, { subresource: 'status' });
}, 5 * minutes);

afterAll(() => stack.disposeAsync());

describe.each(kubectls())('$name', ({ binary }) => {
  const kubectl = (args: readonly string[], input?: string) =>
    kubectlOn(binary, server.kubeconfig)(args, input);
  const command = (args: readonly string[]) => ({
    binary,
    args: ['--kubeconfig', server.kubeconfig, ...args],
  });

  test('exec gives output, complaints and exit code', async () => {
    const script = 'hostname; echo no >&2; exit 7';
    const answer = await kubectl(['exec', 'web', '-c', 'main', '--', 'sh', '-c', script]);
    expect(answer).toEqual({
      code: 7,
      stdout: 'web\n',
      stderr: 'no\ncommand terminated with exit code 7\n',
    });
  });

  test('exec of what is not there fails with 1', async () => {
    const missing = await kubectl(['exec', 'web', '-c', 'main', '--', '/no/such']);
    expect(missing.code).toBeGreaterThan(0);
    expect(missing.stderr).toContain('no such file or directory');
  });

  test('exec -i ends when its input ends, megabytes later', async () => {
    const input = 'x'.repeat(3 << 20);
    const args = ['exec', '-i', 'web', '-c', 'main', '--', 'wc', '-c'];
    expect(await kubectl(args, input)).toMatchObject({ code: 0, stdout: `${input.length}\n` });
    const whole = await kubectl(['exec', '-i', 'web', '-c', 'main', '--', 'cat'], input);
    expect(whole.stdout === input).toBe(true);
  });

  test('cp goes both ways', async () => {
    const [from, back] = ['from', 'back'].map((each) => join(folder, each));
    const bytes = Buffer.alloc(2_000_000, binary);
    writeFileSync(from!, bytes);
    const there = ['cp', '-c', 'main', from!, 'web:/tmp/there'];
    expect(await kubectl(there)).toMatchObject({ code: 0 });
    expect(await kubectl(['cp', '-c', 'main', 'web:/tmp/there', back!])).toMatchObject({ code: 0 });
    expect(readFileSync(back!).equals(bytes)).toBe(true);
  });

  test('logs come whole, in part and as they are written', async () => {
    const { stdout } = await kubectl(['logs', 'web', '-c', 'count', '--limit-bytes=13']);
    expect(stdout).toBe('line 1\nline 2');
    const followed = await follow(
      command(['logs', '-f', 'web', '-c', 'count', '--tail=1']),
      (all) => all.split('\n').length > 4,
    );
    const numbers = followed
      .split('\n')
      .slice(0, 4)
      .map((line) => Number(line.split(' ')[1]));
    expect(numbers).toEqual(numbers.map((_, at) => numbers[0]! + at));
  });

  test('attach speaks with the process that is there', async () => {
    const [, ...args] = ['', ...command(['attach', '-i', 'web', '-c', 'repeat']).args];
    const child = spawn(binary, args, { stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdin.write('one\n');
    let output = '';
    for await (const chunk of child.stdout) {
      output += String(chunk);
      if (output.includes('got one')) break;
    }
    child.kill();
    await once(child, 'exit');
    expect(output).toContain('got one\n');
  });

  test('port-forward carries several connections', async () => {
    const { args } = command(['port-forward', 'pod/web', ':8080']);
    const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const local = /127\.0\.0\.1:(\d+)/.exec(String(line))?.[1];
    const get = async (): Promise<string> => (await fetch(`http://127.0.0.1:${local}/`)).text();
    expect(await Promise.all([get(), get(), get()])).toEqual(Array(3).fill('served\n'));
    child.kill();
    await once(child, 'exit');
  });
});

test('exec -it has a terminal of the size of the own one', async () => {
  const exec = ['kubectl', '--kubeconfig', server.kubeconfig, 'exec', '-it', 'web', '-c', 'main'];
  const inside = `stty rows 40 cols 100; ${[...exec, '--', 'sh', '-c', '"sleep 1; stty size"'].join(' ')}`;
  const args = ['-qefc', inside, '/dev/null'];
  const output = await follow({ binary: 'script', args }, (all) => all.includes('40 100'));
  expect(output).toContain('40 100');
});

const execPath = '/api/v1/namespaces/default/pods/web/exec?container=main&stdin=true&stdout=true';

test.each(['v5.channel.k8s.io', 'v4.channel.k8s.io', 'channel.k8s.io'])(
  'a WebSocket in %s runs a command',
  async (protocol) => {
    const { messages } = await talk(server, `${execPath}&command=head&command=-n1`, {
      protocols: [protocol],
      send: (socket) => socket.send(Buffer.from('\0hello\n')),
    });
    expect(messages.map(String)).toContain('\u0001hello\n');
  },
);

test('the JavaScript client runs commands and forwards ports', async () => {
  const config = new KubeConfig();
  config.loadFromFile(server.kubeconfig);
  const output = new PassThrough();
  const ended = Promise.withResolvers<V1Status>();
  const target = ['default', 'web', 'main', ['sh', '-c', 'exit 4']] as [
    string,
    string,
    string,
    string[],
  ];
  await new Exec(config).exec(...target, output, null, null, false, ended.resolve);
  expect((await ended.promise).details?.causes?.[0]?.message).toBe('4');

  const received = Promise.withResolvers<string>();
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (chunk.length > 0) received.resolve(String(chunk));
      done();
    },
  });
  const source = new PassThrough();
  await new PortForward(config).portForward('default', 'web', [8080], sink, null, source);
  source.write('GET / HTTP/1.0\r\n\r\n');
  expect(await received.promise).toContain('200 OK');
});

test('usage is measured', async () => {
  const path = '/api/v1/nodes/n1/proxy/stats/summary';
  const { stdout } = await kubectlOn('kubectl', server.kubeconfig)(['get', '--raw', path]);
  const { pods: measured } = JSON.parse(stdout) as {
    pods: { containers: { name: string; memory: { workingSetBytes: number } }[] }[];
  };
  const used = measured[0]!.containers.map(({ memory }) => memory.workingSetBytes > 0);
  expect(used).toEqual([true, true, true, true]);
});
