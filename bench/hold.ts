/**
 * A large cluster on the bundled product: 5,000 simulated nodes and 50,000 pods come up, then all of
 * it is held for ten minutes (BENCH_SECONDS shortens that): whether any node is ever called unready,
 * what the process takes, and how long `kubectl get pods -A` needs.
 */
import { execFile, execFileSync } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { nodes } from '../src/shared/api/core/node.ts';
import { systemClock } from '../src/shared/base/system-clock.ts';
import { silentLog as log } from '../src/shared/base/log.ts';
import { createCluster, type Cluster } from '../src/shared/client/cluster.ts';
import { Informer } from '../src/shared/client/informer.ts';
import { apiOf } from '../test/support/api.ts';
import { startPilothouse } from '../test/support/pilothouse.ts';
import { allReady, createDeployment, createNamespace, type Place } from './support/cluster.ts';
import { cpuSeconds, report, residentMiB } from './support/process.ts';

const entry = 'out/cli/cli.js';
const nodeCount = 5_000;
const replicas = 5_000;
const places: readonly Place[] = [0, 1, 2, 3, 4].flatMap((at) =>
  ['left', 'right'].map((name) => ({ namespace: `hold-${at}`, name })),
);
const podCount = places.length * replicas;
const holdSeconds = Number(process.env['BENCH_SECONDS'] ?? 600);

execFileSync(process.execPath, ['scripts/bundle.mjs'], { stdio: 'ignore' });

const began = performance.now();
await using pilothouse = await startPilothouse({ entry, simulatedNodes: nodeCount });
report(`${nodeCount} nodes registered`, since(began), { goal: 60, unit: 's' });
const pid = pilothouse.process.pid!;
using api = apiOf(pilothouse);
const cluster = createCluster(api);

let unready = 0;
await using _watched = await watchNodes(cluster);
await comeUp();
await list();
await hold();

/** Counts each time that a node is seen unready, from its registration on. */
async function watchNodes(of: Cluster): Promise<AsyncDisposable> {
  const informer = new Informer({ cluster: of, resource: nodes, clock: systemClock, log });
  informer.subscribe(({ after }) => {
    const ready = after?.status.conditions?.find(({ type }) => type === 'Ready');
    if (after && ready?.status !== 'True') unready++;
  });
  await informer.synced;
  return informer;
}

async function comeUp(): Promise<void> {
  const before = cpuSeconds(pid);
  const begin = performance.now();
  for (const { namespace } of places.filter(({ name }) => name === 'left'))
    await createNamespace(cluster, namespace);
  for (const place of places) await createDeployment(cluster, place, replicas);
  await allReady(cluster, places);
  report(`${podCount} pods running`, since(begin), { goal: 300, unit: 's' });
  const cpu = cpuSeconds(pid) - before;
  report('CPU for each pod', (cpu / podCount) * 1000, { unit: 'ms', rival: 6.6 });
}

async function list(): Promise<void> {
  const begin = performance.now();
  const args = ['--kubeconfig', pilothouse.kubeconfig, 'get', 'pods', '-A', '--no-headers'];
  const { stdout } = await promisify(execFile)('kubectl', args, { maxBuffer: 2 ** 30 });
  const lines = stdout.trimEnd().split('\n').length;
  if (lines !== podCount) throw new Error(`kubectl lists ${lines} of ${podCount} pods`);
  report('kubectl get pods -A', since(begin), { goal: 30, unit: 's' });
}

async function hold(): Promise<void> {
  const before = cpuSeconds(pid);
  const begin = performance.now();
  await wait(holdSeconds * 1000);
  const cores = (cpuSeconds(pid) - before) / since(begin);
  report(`cores, held for ${holdSeconds} s`, cores, { goal: 1, unit: 'cores' });
  report('memory, the most', residentMiB(pid, 'peak'), { goal: 3072, unit: 'MiB' });
  report('nodes seen unready', unready, { goal: 0, unit: 'nodes' });
}

function since(at: number): number {
  return (performance.now() - at) / 1000;
}
