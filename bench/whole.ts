/**
 * The whole product as one process: how soon it serves, what it takes at rest, and how long a
 * Deployment needs from 0 to 5,000 replicas, all running on simulated nodes. As a user has it: bundled.
 */
import { execFileSync } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { startPilothouse, stop } from '../test/support/pilothouse.ts';
import { apiOf } from '../test/support/api.ts';
import { cpuSeconds, report, residentMiB } from './support/process.ts';

const entry = 'out/cli/cli.js';

execFileSync(process.execPath, ['scripts/bundle.mjs'], { stdio: 'ignore' });

await startUp();
await atRest();
await deployment();

async function startUp(): Promise<void> {
  const first = await startPilothouse({ entry });
  const times: number[] = [];
  await stop(first.process, 'SIGTERM');
  for (let round = 0; round < 5; round++) {
    const begin = performance.now();
    await using _again = await startPilothouse({ entry, home: first.home, port: first.port });
    times.push(performance.now() - begin);
  }
  report('command to ready', median(times) / 1000, { goal: 0.5, unit: 's', rival: 3 });
}

async function atRest(): Promise<void> {
  await using cluster = await startPilothouse({ entry });
  const pid = cluster.process.pid!;
  await wait(20_000);
  const before = cpuSeconds(pid);
  await wait(20_000);
  report('memory at rest', residentMiB(pid), { goal: 150, unit: 'MiB', rival: 307 });
  report('core at rest', ((cpuSeconds(pid) - before) / 20) * 100, { goal: 2, unit: '%' });
}

async function deployment(): Promise<void> {
  const replicas = 5_000;
  await using cluster = await startPilothouse({ entry, simulatedNodes: 50 });
  using api = apiOf(cluster);
  const pid = cluster.process.pid!;
  const target = {
    resource: { group: 'apps', version: 'v1', plural: 'deployments' },
    namespace: 'default',
  };
  const labels = { app: 'many' };
  const spec = {
    replicas: 0,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: { containers: [{ name: 'c', image: 'registry.example/c:1' }] },
    },
  };
  const metadata = { name: 'many' };
  await api.request({ ...target, verb: 'create', body: { metadata, spec } });
  const begin = performance.now();
  const cpu = cpuSeconds(pid);
  const patch = { verb: 'patch', name: 'many', patchType: 'application/merge-patch+json' } as const;
  await api.request({ ...target, ...patch, body: { spec: { replicas } } });
  for (;;) {
    const { status } = (await api.request({ ...target, verb: 'get', name: 'many' })) as {
      status: { readyReplicas?: number };
    };
    if (status.readyReplicas === replicas) break;
    await wait(50);
  }
  const seconds = (performance.now() - begin) / 1000;
  report(`0 to ${replicas} replicas`, seconds, { goal: 10, unit: 's' });
  report('CPU for each pod', ((cpuSeconds(pid) - cpu) / replicas) * 1000, {
    unit: 'ms',
    rival: 6.6,
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
