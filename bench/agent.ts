/**
 * The agent on a real machine, made a node as a user makes it one, bundled: how long that takes and how
 * long a second time, what the agent takes at rest with ten pods, and how long a pod needs from its
 * creation to Running beyond what the container runtime takes for it. Needs root.
 */
import { execFileSync } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { pods } from '#shared/api/core/pod.ts';
import { createCluster, type Cluster } from '#shared/client/cluster.ts';
import type { HttpTransport } from '#shared/client/http-transport.ts';
import { apiOf } from '../test/support/api.ts';
import { busyboxImage, importBusybox } from '../test/support/hosts/busybox.ts';
import type { Host } from '../test/support/hosts/host.ts';
import { startHosts } from '../test/support/hosts/index.ts';
import { mustExecute } from '../test/support/hosts/shell.ts';
import { startPilothouse } from '../test/support/pilothouse.ts';

const entry = 'out/cli/cli.js';
const ticksPerSecond = 100;
const namespace = 'default';
const resting = 10;
const started = Number(process.env['BENCH_PODS'] ?? 50);
const settleMs = Number(process.env['BENCH_SETTLE_SECONDS'] ?? 120) * 1000;
const watchedMs = 60_000;
/** The runtime's calls that no start of a pod can do without. */
const needed = ['run_podsandbox', 'image_status', 'create_container', 'start_container'];

execFileSync(process.execPath, ['scripts/bundle.mjs'], { stdio: 'ignore' });

await using hosts = await startHosts({ count: 1 });
await using pilothouse = await startPilothouse({ entry, simulatedNodes: 0 });
const [host] = hosts.hosts;
await addNode(host!);
using api = apiOf(pilothouse);
const cluster = createCluster(api);
await importBusybox(host!);
for (let at = 0; at < resting; at++) await untilRunning(cluster, `resting-${at}`);
await atRest(host!);
await starts(cluster, api, host!);

async function addNode({ address }: Host): Promise<void> {
  const env = { ...process.env, HOME: pilothouse.home, SSH_AUTH_SOCK: '' };
  Object.assign(env, { PILOTHOUSE_HOME: pilothouse.home });
  const login = [`ssh://admin@${address}`, '--identity', hosts.keyFile, '--yes'];
  const add = () => mustExecute(process.execPath, [entry, 'node', 'add', ...login], { env });
  report('node add to Ready, packages cached', await seconds(add), { goal: 60, unit: 's' });
  const again: number[] = [];
  for (let round = 0; round < 3; round++) again.push(await seconds(add));
  report('node add again, nothing to change', percentile(again, 0.5), { goal: 3, unit: 's' });
}

async function atRest(node: Host): Promise<void> {
  await wait(settleMs);
  const pid = (await node.run('systemctl show -P MainPID pilothouse-agent')).trim();
  const cpu = await cpuSeconds(node, pid);
  await wait(watchedMs);
  const used = ((await cpuSeconds(node, pid)) - cpu) / (watchedMs / 1000);
  const memory = await node.run(`cat /proc/${pid}/smaps_rollup`);
  const mebibytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(memory)?.[1]) / 1024;
  report(`agent at rest, ${resting} pods, resident`, mebibytes('Rss'), { goal: 80, unit: 'MiB' });
  report('of which its own', mebibytes('Private_Dirty') + mebibytes('Private_Clean'), {
    unit: 'MiB',
  });
  report('agent at rest, of a core', used * 100, { goal: 2, unit: '%' });
}

/** One pod after another, each less what the calls took that it cannot do without. */
async function starts(client: Cluster, transport: HttpTransport, node: Host): Promise<void> {
  const own: number[] = [];
  const whole: number[] = [];
  for (let at = 0; at < started; at++) {
    const before = await runtimeMs(transport, node);
    const tookMs = (await seconds(() => untilRunning(client, `started-${at}`))) * 1000;
    whole.push(tookMs);
    own.push(tookMs - ((await runtimeMs(transport, node)) - before));
  }
  const goal = { goal: 100, unit: 'ms' };
  report('create to Running, median', percentile(whole, 0.5), { unit: 'ms' });
  report('less what the runtime takes, median', percentile(own, 0.5), goal);
  report('less what the runtime takes, p99', percentile(own, 0.99), goal);
}

async function untilRunning(client: Cluster, name: string): Promise<void> {
  const containers = [{ name: 'c', image: busyboxImage, resources: {} }];
  const stop = new AbortController();
  const running = Promise.withResolvers<void>();
  const watching = (async () => {
    const options = { namespace, fieldSelector: `metadata.name=${name}`, signal: stop.signal };
    for await (const batch of client.watch(pods, { ...options, resourceVersion: '0' }))
      for (const event of batch)
        if (event.type !== 'ERROR' && event.object.status?.phase === 'Running')
          return running.resolve();
  })().catch((error: Error) => running.reject(error));
  await client.create(pods, {
    metadata: { name, namespace },
    spec: { terminationGracePeriodSeconds: 0, containers },
  });
  await running.promise;
  stop.abort(new Error('It runs'));
  await watching;
}

async function runtimeMs(transport: HttpTransport, { name }: Host): Promise<number> {
  const text = (await transport.get(`/api/v1/nodes/${name}/proxy/metrics`)) as string;
  const sum = /^kubelet_runtime_operations_duration_seconds_sum\{operation_type="(.*)"\} (.*)$/gm;
  let ms = 0;
  for (const [, operation = '', value] of text.matchAll(sum))
    if (needed.includes(operation)) ms += Number(value) * 1000;
  return ms;
}

/** With the programs that it has run. */
async function cpuSeconds(node: Host, pid: string): Promise<number> {
  const fields = (await node.run(`cat /proc/${pid}/stat`)).split(') ')[1]!.split(' ');
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / ticksPerSecond;
}

async function seconds(task: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await task();
  return (performance.now() - from) / 1000;
}

function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!;
}

/** Under 1 is better than the goal. */
function report(
  what: string,
  value: number,
  { goal, unit }: { readonly goal?: number; readonly unit: string },
): void {
  const ratio =
    goal === undefined ? '' : ` (${(value / goal).toFixed(2)} of the goal of ${goal} ${unit})`;
  console.log(`${what}: ${value.toFixed(2)} ${unit}${ratio}`);
}
