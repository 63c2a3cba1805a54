import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Exec, KubeConfig, type V1Status } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';
import { serveHttps, type HttpsServer } from '../support/https-server.ts';
import { follow, kubectlOn, kubectls, type Kubectl } from '../support/kubectl.ts';
import { startHostContainers, type HostContainers } from '../support/host-containers.ts';
import { makePki, startTestKubelet, type TestKubelet, type TestPki } from '../support/kubelet.ts';
import { talk } from '../support/web-socket.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';

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

let made: TestPki;
let containers: HostContainers;
let kubelet: TestKubelet;
let cluster: TestCluster;
let server: HttpsServer;
let folder: string;

beforeAll(async () => {
  made = await makePki();
  folder = made.folder;
  cluster = await startTestCluster({ nodes: made.wayToNodes(() => cluster.server.objects) });
  server = await serveHttps(cluster.server);
  containers = await startHostContainers(join(made.folder, 'logs'), [web]);
  kubelet = await startTestKubelet(cluster, made, containers);
  const { spec, status, metadata } = web;
  const key = { namespace: 'default', name: metadata.name };
  await cluster.admin.create(pods, { metadata: key, spec });
  const patch = { type: 'application/merge-patch+json', body: { status } } as const;
  await cluster.admin.patch(pods, key, patch, { subresource: 'status' });
});

afterAll(async () => {
  await kubelet[Symbol.asyncDispose]();
  await containers[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
  made[Symbol.dispose]();
});

describe.each(kubectls())('$name', ({ binary }) => {
  let kubectl: Kubectl;
  beforeAll(() => {
    kubectl = kubectlOn(binary, server.kubeconfig);
  });

  test.each([
    [['echo', 'hello'], { code: 0, stdout: 'hello\n', stderr: '' }],
    [['sh', '-c', 'echo out; echo err >&2'], { code: 0, stdout: 'out\n', stderr: 'err\n' }],
  ])('exec %j', async (command, expected) => {
    const { stderr, ...others } = await kubectl(['exec', 'web', '--', ...command]);
    expect({ ...others, stderr: stderr.replace(/^Defaulted.*\n/, '') }).toEqual(expected);
  });

  test('exec gives the exit code of the command', async () => {
    const { code, stderr } = await kubectl(['exec', 'web', '--', 'sh', '-c', 'exit 7']);
    expect({ code, stderr }).toEqual({
      code: 7,
      stderr: 'command terminated with exit code 7\n',
    });
  });

  test('exec -i ends when its input ends, a megabyte later', async () => {
    const input = 'x'.repeat(1 << 20);
    const { code, stdout } = await kubectl(['exec', '-i', 'web', '--', 'cat'], input);
    expect({ code, isSame: stdout === input }).toEqual({ code: 0, isSame: true });
  });

  test('exec of what is not there says so', async () => {
    const { code, stderr } = await kubectl(['exec', 'web', '--', '/no/such/program']);
    expect(code).toBe(1);
    expect(stderr).toContain('error executing command in container');
  });

  test('cp goes both ways', async () => {
    const [from, there, back] = ['from', 'there', 'back'].map((each) => join(folder, each));
    const bytes = Buffer.alloc(300_000, binary);
    writeFileSync(from!, bytes);
    expect(await kubectl(['cp', from!, `web:${there}`])).toMatchObject({ code: 0 });
    expect(await kubectl(['cp', `web:${there}`, back!])).toMatchObject({ code: 0 });
    expect(readFileSync(back!).equals(bytes)).toBe(true);
  });

  test('attach speaks with the process that is there', async () => {
    const { stdout, stderr } = await kubectl(['attach', '-i', 'web'], 'one\ntwo\n');
    expect(stdout).toBe('ready\ngot one\ngot two\n');
    expect(stderr).toContain('saw two');
  });

  test('logs come whole, in part and as they are written', async () => {
    containers.writeLog('u1', 'main', [`${binary} one`, `${binary} two`]);
    expect(await kubectl(['logs', 'web', '--tail=1', '--timestamps'])).toMatchObject({
      code: 0,
      stdout: `2026-01-01T00:00:01.000000001Z ${binary} two\n`,
    });
    const args = ['--kubeconfig', server.kubeconfig, 'logs', '-f', 'web', '--tail=1'];
    const output = await follow({ binary, args }, (all) => {
      if (all === `${binary} two\n`) containers.writeLog('u1', 'main', [`${binary} three`]);
      return all.includes('three');
    });
    expect(output).toBe(`${binary} two\n${binary} three\n`);
  });

  test('port-forward carries several connections', async () => {
    const backend = createServer((request, response) => response.end(`you asked ${request.url}`));
    await once(backend.listen(0, '127.0.0.1'), 'listening');
    const { port } = backend.address() as AddressInfo;
    const args = ['--kubeconfig', server.kubeconfig, 'port-forward', 'pod/web', `:${port}`];
    const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const local = /127\.0\.0\.1:(\d+)/.exec(String(line))?.[1];
    const answers = await Promise.all(
      ['a', 'b', 'c'].map(async (path) =>
        (await fetch(`http://127.0.0.1:${local}/${path}`)).text(),
      ),
    );
    expect(answers).toEqual(['you asked /a', 'you asked /b', 'you asked /c']);
    child.kill();
    await once(child, 'exit');
    backend.close();
  });
});

test('exec -t has a terminal', async () => {
  const args = ['--kubeconfig', server.kubeconfig, 'exec', '-i', '-t', 'web', '--', 'sh', '-c'];
  const command = ['kubectl', ...args, '"test -t 0 && echo it is one"'].join(' ');
  const output = await follow({ binary: 'script', args: ['-qefc', command, '/dev/null'] }, (all) =>
    all.includes('it is one'),
  );
  expect(output).toContain('it is one');
});

const execPath = '/api/v1/namespaces/default/pods/web/exec?stdin=true&stdout=true&stderr=true';
const cat = `${execPath}&command=sh&command=-c&command=read+line;echo+got+$line;exit+3`;
const text64 = (channel: number, text: string): string =>
  channel + Buffer.from(text).toString('base64');

describe('a terminal over WebSocket', () => {
  test('v5 begins, is half-closed and ends with a Status', async () => {
    const { protocol, messages, code } = await talk(server, `${execPath}&command=cat`, {
      protocols: ['v5.channel.k8s.io', 'v4.channel.k8s.io'],
      send(socket) {
        socket.send(Buffer.from('\0hello'));
        socket.send(Buffer.from([255, 0]));
      },
    });
    expect({ protocol, code, messages: messages.map(String) }).toEqual({
      protocol: 'v5.channel.k8s.io',
      code: 1000,
      messages: ['\u0001hello', '\u0003{"metadata":{},"status":"Success"}'],
    });
  });

  const line = '\0x\n';
  const status = expect.stringContaining('"reason":"ExitCode","message":"3"') as string;
  const sentence = 'command terminated with non-zero exit code: 3';
  test.each([
    { protocols: ['v4.channel.k8s.io'], sent: line, received: ['\u0001', '\u0001got x\n', status] },
    {
      protocols: ['channel.k8s.io'],
      sent: line,
      received: ['\u0001', '\u0001got x\n', `\u0003${sentence}`],
    },
    { protocols: [], sent: line, received: ['\u0001', '\u0001got x\n', `\u0003${sentence}`] },
    {
      protocols: ['base64.channel.k8s.io'],
      sent: text64(0, 'x\n'),
      received: ['1', text64(1, 'got x\n'), text64(3, sentence)],
    },
  ])('$protocols.0 is spoken', async ({ protocols, sent, received }) => {
    const { protocol, messages } = await talk(server, cat, {
      protocols,
      send: (socket) => socket.send(protocols[0]?.startsWith('base64') ? sent : Buffer.from(sent)),
    });
    expect(protocol).toBe(protocols[0] ?? '');
    expect(messages.map(String)).toEqual(received);
  });

  test('A protocol that nobody speaks is refused', async () => {
    await expect(talk(server, cat, { protocols: ['v9.channel.k8s.io'] })).rejects.toThrow(
      'requested protocol(s) are not supported: [v9.channel.k8s.io]',
    );
  });

  test('A client that goes away ends the command', async () => {
    const mark = join(folder, 'ended');
    const script = `trap 'touch ${mark}; exit' TERM; echo up; while :; do sleep 0.1; done`;
    const query = new URLSearchParams({ command: 'sh' });
    query.append('command', '-c');
    query.append('command', script);
    await talk(server, `${execPath}&${query}`, {
      protocols: ['v5.channel.k8s.io'],
      until: (messages) => messages.length > 0,
    });
    await expect.poll(() => existsSync(mark), { timeout: 5_000 }).toBe(true);
  });
});

describe('a log over WebSocket', () => {
  const path = '/api/v1/namespaces/default/pods/web/log?tailLines=1';
  const log = 'over WebSocket\n';

  test.each([
    { protocols: ['binary.k8s.io'], expected: ['', log] },
    { protocols: [], expected: ['', log] },
    { protocols: ['base64.binary.k8s.io'], expected: ['', Buffer.from(log).toString('base64')] },
  ])('$protocols.0 is spoken', async ({ protocols, expected }) => {
    containers.writeLog('u1', 'main', [log.trim()]);
    const { messages, protocol, code } = await talk(server, path, { protocols });
    expect({ protocol, code, messages: messages.map(String) }).toEqual({
      protocol: protocols[0] ?? '',
      code: 1000,
      messages: expected,
    });
  });

  test('What is refused is refused in HTTP', async () => {
    const wrong = path.replace('web', 'nope');
    await expect(talk(server, wrong, {})).rejects.toThrow('404');
  });
});

test.each(['exec', 'attach', 'portforward'])('%s without an upgrade is refused', async (what) => {
  const { stderr } = await kubectlOn(
    'kubectl',
    server.kubeconfig,
  )(['get', '--raw', `/api/v1/namespaces/default/pods/web/${what}?stdout=true&ports=1`]);
  expect(stderr).toContain('Upgrade request required');
});

test('The JavaScript client runs a command', async () => {
  const config = new KubeConfig();
  config.loadFromFile(server.kubeconfig);
  const output = new PassThrough();
  const { promise, resolve } = Promise.withResolvers<V1Status>();
  const command = ['sh', '-c', 'echo from js; exit 4'];
  const target = ['default', 'web', 'main', command] as [string, string, string, string[]];
  await new Exec(config).exec(...target, output, null, null, false, resolve);
  const status = await promise;
  output.end();
  expect(await text(output)).toBe('from js\n');
  expect(status.details?.causes?.[0]).toMatchObject({ reason: 'ExitCode', message: '4' });
});
