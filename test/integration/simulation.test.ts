import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { setTimeout as wait } from 'node:timers/promises';
import { kubectlOn, type Kubectl } from '../support/kubectl.ts';
import { startPilothouse, type Pilothouse } from '../support/pilothouse.ts';

const run = promisify(execFile);

let cluster: Pilothouse;
let kubectl: Kubectl;

beforeAll(async () => {
  cluster = await startPilothouse({ simulatedNodes: 'unsaid' });
  kubectl = kubectlOn('kubectl', cluster.kubeconfig);
});
afterAll(() => cluster[Symbol.asyncDispose]());

const get = async (...args: string[]): Promise<string> =>
  (await kubectl(['get', ...args])).stdout.trim();

/** What is there in the end: as soon as it is what was wanted, or when time is up. */
async function eventually(
  wanted: string,
  look: () => Promise<string>,
  seconds = 30,
): Promise<string> {
  const end = Date.now() + seconds * 1000;
  let found = await look();
  while (found !== wanted && Date.now() < end) {
    await wait(100);
    found = await look();
  }
  return found;
}

function podWith(name: string, annotations: object, spec: object = {}): string {
  const containers = [{ name: 'c', image: 'registry.example/c:1' }];
  const metadata = { name, annotations };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    spec: { containers, restartPolicy: 'Never', ...spec },
  });
}

describe('pods on simulated nodes', () => {
  test.each([
    ['runs', {}, 'Running'],
    ['completes', { 'pilothouse.dev/exit-after': '1s' }, 'Succeeded'],
    ['fails', { 'pilothouse.dev/exit-after': '1s', 'pilothouse.dev/exit-code': '3' }, 'Failed'],
  ])('one that %s', async (name, annotations, phase) => {
    await kubectl(['create', '-f', '-'], podWith(name, annotations));
    const look = () => get('pod', name, '-o', 'jsonpath={.status.phase}');
    expect(await eventually(phase, look)).toBe(phase);
  });

  test.each([
    ['logs', 'runs'],
    ['exec', 'runs', '--', 'ls'],
  ])('%s of one: it is simulated', async (...args) => {
    const { code, stderr } = await kubectl(args);
    expect([code, stderr]).toEqual([1, expect.stringContaining('it is simulated')]);
  });

  test('one that is deleted goes', async () => {
    const { code } = await kubectl(['delete', 'pod', 'runs', '--timeout=20s']);
    expect(code).toBe(0);
  });

  test('those of a drained node come up elsewhere', async () => {
    await kubectl(['create', 'deployment', 'web', '--image=x', '--replicas=4']);
    await kubectl(['wait', 'deploy/web', '--for=condition=Available', '--timeout=20s']);
    const drain = ['drain', 'simulated-1', '--timeout=30s', '--ignore-daemonsets', '--force'];
    expect((await kubectl(drain)).code).toBe(0);
    const nodes = 'jsonpath={.items[*].spec.nodeName}';
    const elsewhere = Array(4).fill('simulated-2').join(' ');
    const look = () => get('pods', '-l', 'app=web', '-o', nodes);
    expect(await eventually(elsewhere, look)).toBe(elsewhere);
    await kubectl(['uncordon', 'simulated-1']);
  });
});

test('the default nodes leave once a real one is ready, and their pods go there', async () => {
  expect(await get('nodes', '-o', 'name')).toBe('node/simulated-1\nnode/simulated-2');
  const conditions = [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'ready' }];
  const capacity = { cpu: '8', memory: '32Gi', pods: '110' };
  const addresses = [{ type: 'InternalIP', address: '10.1.2.3' }];
  const real = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'real' },
    status: { capacity, allocatable: capacity, conditions, addresses },
  };
  await kubectl(['create', '-f', '-'], JSON.stringify(real));
  expect(await eventually('node/real', () => get('nodes', '-o', 'name'), 90)).toBe('node/real');
  const nodes = await get('pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].spec.nodeName}');
  expect(new Set(nodes.split(' '))).toEqual(new Set(['real']));
}, 120_000);

test('with the real node come what only makes sense on one: addresses of load balancers, disks', async () => {
  await kubectl(['expose', 'deployment', 'web', '--port=80', '--type=LoadBalancer']);
  const ingress = 'jsonpath={.status.loadBalancer.ingress[*].ip}';
  expect(await eventually('10.1.2.3', () => get('service', 'web', '-o', ingress))).toBe('10.1.2.3');
  const classes = () => get('storageclass', '-o', 'jsonpath={.items[*].metadata.name}');
  expect(await eventually('local-path', classes)).toBe('local-path');
});

test('simulated nodes that are added to a running cluster come back with it', async () => {
  const home = await mkdtemp(join(tmpdir(), 'pilothouse-added-'));
  const names = async ({ kubeconfig }: Pilothouse): Promise<string> =>
    (await kubectlOn('kubectl', kubeconfig)(['get', 'nodes', '-o', 'name'])).stdout.trim();
  const all = ['node/simulated-1', 'node/simulated-2', 'node/simulated-3', 'node/simulated-4'];
  try {
    {
      await using first = await startPilothouse({ home, simulatedNodes: 'unsaid' });
      const { stdout } = await run(
        process.execPath,
        ['src/main/cli.ts', 'node', 'add', 'simulated', '--count', '2', '-o', 'json'],
        { env: { ...process.env, PILOTHOUSE_HOME: home } },
      );
      expect(JSON.parse(stdout)).toEqual({ nodes: ['simulated-3', 'simulated-4'] });
      expect(await names(first)).toBe(all.join('\n'));
    }
    await using again = await startPilothouse({ home, simulatedNodes: 'unsaid' });
    expect(await names(again)).toBe(all.join('\n'));
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});
