import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pauseArchive } from '#main/provision/pause/image.ts';
import { kubectlOn, type Kubectl } from '../support/kubectl.ts';
import { startHosts, type TestHosts } from '../support/hosts/index.ts';
import { execute, type ShellResult } from '../support/hosts/shell.ts';
import { startPilothouse, type Pilothouse } from '../support/pilothouse.ts';
import { listing } from './listing.ts';

const minutes = 60_000;
const slow = { timeout: 60_000, interval: 250 };
const root = join(import.meta.dirname, '../..');

let hosts: TestHosts;
let cluster: Pilothouse;
let kubectl: Kubectl;
let home: string;
let before: readonly string[];
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'pilothouse-nodes-'));
  hosts = await startHosts({ count: 1 });
  cluster = await startPilothouse({ home, simulatedNodes: 0 });
  kubectl = kubectlOn('kubectl', cluster.kubeconfig);
}, 10 * minutes);
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  await hosts?.[Symbol.asyncDispose]();
  await rm(home, { recursive: true, force: true });
});

/** Without a terminal, and without the user's own agent and keys. */
function pilothouse(...args: string[]): Promise<ShellResult> {
  const env = { ...process.env, HOME: home, PILOTHOUSE_HOME: home, SSH_AUTH_SOCK: '' };
  return execute(process.execPath, [join(root, 'src/main/cli.ts'), ...args], { env });
}

function add(...more: string[]): Promise<ShellResult> {
  const machine = `ssh://admin@${hosts.hosts[0]!.address}`;
  return pilothouse('node', 'add', machine, '--identity', hosts.keyFile, '--yes', ...more);
}

async function listed(): Promise<Record<string, unknown>[]> {
  const { out, err } = await pilothouse('node', 'list', '-o', 'json');
  if (out === '') throw new Error(err);
  return JSON.parse(out) as Record<string, unknown>[];
}

/** How often something has been run on the machine as root, over SSH. */
async function timesAsked(): Promise<number> {
  const log = await hosts.hosts[0]!.run('journalctl -q -t sudo -o cat');
  return log.split('\n').filter((line) => /COMMAND=\S*sh -c/.test(line)).length;
}

const connected = { name: 'h1', tunnel: 'connected' };

test(
  'a machine becomes a node, and a second time two looks at it show that nothing has to be changed',
  async () => {
    const [host] = hosts.hosts;
    // Logging in leaves traces of its own.
    const dry = await add('--dry-run');
    expect([dry.code, dry.out]).toEqual([0, expect.stringContaining('install the package')]);
    before = await listing(host!);
    expect(await add()).toMatchObject({ code: 0, out: 'Node h1 is ready\n' });
    const asked = await timesAsked();
    expect(asked).toBeGreaterThan(0);
    expect(await add()).toMatchObject({
      code: 0,
      out: 'Node h1 is ready: nothing had to be changed\n',
    });
    expect((await timesAsked()) - asked).toBe(2);
  },
  5 * minutes,
);

test('the node reaches the API where pods find it, and the server reaches the kubelet', async () => {
  const [host] = hosts.hosts;
  const pki = '/var/lib/pilothouse/pki';
  const credentials = `--cacert ${pki}/ca.crt --cert ${pki}/node.crt --key ${pki}/node.key`;
  const direct = await host!.run(`curl -sS ${credentials} https://169.254.77.1:6443/version -k`);
  expect(JSON.parse(direct)).toMatchObject({ major: '1' });
  await expect
    .poll(
      async () => (await host!.execute(`curl -sS ${credentials} https://10.96.0.1/livez`)).out,
      slow,
    )
    .toBe('ok');
  await expect
    .poll(
      async () => (await kubectl(['get', '--raw', '/api/v1/nodes/h1/proxy/healthz'])).stdout,
      slow,
    )
    .toBe('ok');
});

test('the node is told which machine it is', async () => {
  const machine = async (): Promise<string> =>
    (await kubectl(['get', 'node', 'h1', '-o', 'jsonpath={.spec.providerID}'])).stdout;
  await expect.poll(machine, slow).toMatch(/^pilothouse:\/\/[0-9a-f-]{36}$/);
});

test('images are loaded through the tunnel', async () => {
  const file = join(home, 'pause.tar');
  await writeFile(file, pauseArchive('amd64'));
  const { code, out } = await pilothouse('image', 'load', file, '--node', 'h1');
  expect([code, out]).toEqual([0, expect.stringContaining('pilothouse.dev/pause:1')]);
  await writeFile(file, 'no archive');
  expect(await pilothouse('image', 'load', file)).toMatchObject({
    code: 1,
    err: expect.stringContaining('Node h1 cannot load the images'),
  });
});

test(
  'the tunnel comes back after a killed sshd, a pulled cable and a reboot',
  async () => {
    const [host] = hosts.hosts;
    const since = async () => JSON.stringify((await listed())[0]);
    await host!.run('systemctl kill -s KILL ssh; pkill -9 -u admin sshd; systemctl restart ssh');
    await expect.poll(listed, slow).toEqual([expect.objectContaining(connected)]);
    await host!.setCable('pulled');
    await expect.poll(since, slow).toContain('waiting');
    await host!.setCable('plugged');
    await expect.poll(listed, slow).toEqual([expect.objectContaining(connected)]);
    await host!.reboot();
    await expect
      .poll(listed, slow)
      .toEqual([expect.objectContaining({ ...connected, ready: true })]);
  },
  3 * minutes,
);

test(
  'a cluster that is started again finds its nodes without being asked anything',
  async () => {
    await cluster[Symbol.asyncDispose]();
    cluster = await startPilothouse({ home, port: cluster.port, simulatedNodes: 0 });
    await expect
      .poll(listed, slow)
      .toEqual([expect.objectContaining({ ...connected, ready: true })]);
  },
  2 * minutes,
);

test(
  'another host key is refused, and the node says why',
  async () => {
    const [host] = hosts.hosts;
    const file = '/etc/ssh/ssh_host_ed25519_key';
    await host!
      .run(`cp -a ${file} /root/key; cp -a ${file}.pub /root/key.pub; rm ${file} ${file}.pub
ssh-keygen -q -t ed25519 -N '' -f ${file}; systemctl restart ssh; pkill -9 -u admin sshd || true`);
    await expect
      .poll(listed, slow)
      .toEqual([
        expect.objectContaining({ tunnel: 'stopped', why: expect.stringContaining('has changed') }),
      ]);
    expect(await add()).toMatchObject({ code: 1, err: expect.stringContaining('has changed') });
    await host!.run(`mv /root/key ${file}; mv /root/key.pub ${file}.pub; systemctl restart ssh`);
    expect(await add()).toMatchObject({ code: 0 });
  },
  2 * minutes,
);

test(
  'a removed node leaves its machine as it was',
  async () => {
    const [host] = hosts.hosts;
    expect(await pilothouse('node', 'remove', 'h1', '--identity', hosts.keyFile)).toMatchObject({
      code: 0,
      out: 'Node h1 is removed; its machine is as it was before\n',
    });
    expect(await listed()).toEqual([]);
    expect((await kubectl(['get', 'node', 'h1'])).stderr).toContain('not found');
    expect(await listing(host!)).toEqual(before);
  },
  2 * minutes,
);
