import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundleAgent, startAgentOn } from '../support/hosts/agent.ts';
import { busyboxImage, importBusybox } from '../support/hosts/busybox.ts';
import { startHosts, type TestHosts } from '../support/hosts/index.ts';
import { follow, kubectlOn, type Kubectl } from '../support/kubectl.ts';
import { openPki } from '#main/clusters/pki.ts';
import { writeKubeconfig } from '#main/clusters/kubeconfig.ts';
import { startControlPlane } from '#main/control-plane/index.ts';
import { silentLog } from '#shared/base/log.ts';
import { systemClock } from '#shared/base/system-clock.ts';

/** A whole cluster, kubelet included: terminals and logs of pods as they come and go. */

const minutes = 60_000;
const slow = { timeout: 60_000, interval: 250 };
const stack = new AsyncDisposableStack();
let hosts: TestHosts;
let kubeconfig: string;
let kubectl: Kubectl;

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pilothouse-terminals-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  hosts = stack.use(await startHosts({ count: 1, kind: 'container' }));
  const [host] = hosts.hosts;
  const bundling = bundleAgent(folder);
  const server = await servePlane(folder);
  await importBusybox(host!);
  const pki = await openPki({ folder: join(folder, 'pki'), clock: systemClock });
  await startAgentOn(host!, { agent: await bundling, pki, server });
  kubectl = kubectlOn('kubectl', kubeconfig);
}, 5 * minutes);

afterAll(() => stack.disposeAsync());

async function servePlane(folder: string): Promise<{ host: string; port: number }> {
  const plane = stack.use(
    await startControlPlane({
      name: 'test',
      clock: systemClock,
      log: silentLog,
      pki: join(folder, 'pki'),
      state: join(folder, 'state.db'),
      snapshots: join(folder, 'snapshots'),
      snapshotPlan: { intervalMs: 60 * minutes, keep: {} },
      bindAddress: hosts.gateway,
      port: 17_443,
      etcdPort: undefined,
      isEtcdPortFixed: false,
      serviceRange: '10.96.0.0/16',
      podRange: '10.244.0.0/16',
    }),
  );
  const { port, authority, admin: client } = plane;
  kubeconfig = join(folder, 'kubeconfig');
  const url = `https://${hosts.gateway}:${port}`;
  await writeKubeconfig(kubeconfig, { name: 'test', server: url, authority, client });
  return { host: hosts.gateway, port };
}

const image = [`--image=${busyboxImage}`, '--image-pull-policy=Never'];

async function phaseOf(pod: string): Promise<string> {
  return (await kubectl(['get', 'pod', pod, '-o', 'jsonpath={.status.phase}'])).stdout;
}

test(
  'the machine becomes a node',
  async () => {
    await expect
      .poll(async () => (await kubectl(['get', 'nodes'])).stdout, slow)
      .toContain(' Ready');
  },
  2 * minutes,
);

test(
  'run -i gives a new pod its input, and the exit code is that of its process',
  async () => {
    const run = ['run', '-i', '--rm', ...image, '--restart=Never'];
    const cat = await kubectl([...run, 'cat', '--', 'cat'], 'hello\n');
    expect(cat).toMatchObject({ code: 0, stdout: expect.stringContaining('hello\n') });
    const script = 'read line; echo "got $line"; exit 3';
    const shell = await kubectl([...run, 'shell', '--', 'sh', '-c', script], 'it\n');
    expect(shell).toMatchObject({ code: 3, stdout: expect.stringContaining('got it\n') });
  },
  2 * minutes,
);

test(
  'logs -f ends with the container',
  async () => {
    const script = 'for i in 1 2 3; do echo $i; sleep 1; done';
    await kubectl(['run', 'counter', ...image, '--restart=Never', '--', 'sh', '-c', script]);
    await expect.poll(() => phaseOf('counter'), slow).toBe('Running');
    expect(await kubectl(['logs', '-f', 'counter'])).toMatchObject({
      code: 0,
      stdout: '1\n2\n3\n',
    });
  },
  2 * minutes,
);

test(
  'logs -p are those of the container before',
  async () => {
    const script = 'echo "run $(date +%N)"; sleep 2; exit 1';
    await kubectl(['run', 'crashing', ...image, '--', 'sh', '-c', script]);
    await expect.poll(() => phaseOf('crashing'), slow).toBe('Running');
    const first = await follow(
      { binary: 'kubectl', args: ['--kubeconfig', kubeconfig, 'logs', '-f', 'crashing'] },
      (all) => all.endsWith('\n'),
    );
    const previous = ['logs', '-p', 'crashing'];
    await expect.poll(async () => (await kubectl(previous)).stdout, slow).toBe(first);
  },
  2 * minutes,
);

test(
  'debug attaches to a container that was not there',
  async () => {
    await kubectl(['run', 'web', ...image, '--', 'sleep', '1000']);
    await expect.poll(() => phaseOf('web'), slow).toBe('Running');
    const script = 'read line; echo "$(hostname) got $line"; sleep 1000';
    const debug = ['debug', 'web', '-q', '-i', ...image, '--', 'sh', '-c', script];
    const child = spawn('kubectl', ['--kubeconfig', kubeconfig, ...debug]);
    // The runtime ends an attachment with its input, unless the container wants that only once.
    child.stdin.write('it\n');
    const [output] = (await once(child.stdout, 'data')) as [Buffer];
    child.kill();
    expect(String(output)).toBe('web got it\n');
  },
  2 * minutes,
);

test('exec runs in the pod', async () => {
  expect(await kubectl(['exec', 'web', '--', 'hostname'])).toMatchObject({ stdout: 'web\n' });
});

test('what pods use is measured', async () => {
  const path = '/api/v1/nodes/h1/proxy/metrics/resource';
  const { stdout } = await kubectl(['get', '--raw', path]);
  expect(stdout).toMatch(/^container_memory_working_set_bytes\{container="web",.*\} [1-9]/m);
});
