/**
 * The window over 10,000 pods on 1,000 simulated nodes while 200 objects change each second: what a
 * frame costs, how soon a list is there, and whether anything piles up. BENCH_SECONDS shortens it.
 *
 * The browser, the cluster and whoever makes the changes share this machine: frames by the wall say what
 * a person saw here, processor time says what the window costs anywhere.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { CDPSession, Page } from 'playwright-core';
import type { HttpTransport } from '#shared/client/http-transport.ts';
import { apiOf } from '../test/support/api.ts';
import { startBrowser } from '../test/support/browser.ts';
import { traceMainThread, type MainThreadWork } from '../test/support/main-thread.ts';
import { deployment } from '../test/support/objects.ts';
import { startPilothouse } from '../test/support/pilothouse.ts';

const nodeCount = Number(process.env['BENCH_NODES'] ?? 1_000);
const podCount = Number(process.env['BENCH_PODS'] ?? 10_000);
const podsPerDeployment = 100;
const changesPerSecond = 200;
const seconds = Number(process.env['BENCH_SECONDS'] ?? 600);
/** One trace is held in memory: it is read and dropped after this. */
const traceSeconds = 15;
/** How many times a list is opened. */
const rounds = 7;

const pods = { resource: { group: '', version: 'v1', plural: 'pods' } };
const deployments = { resource: { group: 'apps', version: 'v1', plural: 'deployments' } };

/** Text, for it is the page's: milliseconds from the click to the frame that shows the first pods. */
const clickAndWait = `(async () => {
  const button = [...document.querySelectorAll('nav button')].find(
    ({ textContent }) => textContent.trim() === 'Workloads',
  );
  const begin = performance.now();
  button.click();
  while (!/load-\\d+-/.test(document.querySelector('tbody')?.textContent ?? ''))
    await new Promise(requestAnimationFrame);
  return performance.now() - begin;
})()`;

execFileSync(process.execPath, ['scripts/bundle.mjs'], { stdio: 'ignore' });
execFileSync('electron-vite', ['build'], { stdio: 'ignore' });

await using cluster = await startPilothouse({
  entry: 'out/cli/cli.js',
  window: true,
  simulatedNodes: nodeCount,
});
using api = apiOf(cluster);
const names = await fill(api);
const browser = await startBrowser();
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
  await opened(page);
  const stop = new AbortController();
  const changing = change(api, names, stop.signal);
  changing.catch(() => {}); // awaited in the end; what broke before it is told first
  await listShown(page);
  await soak(page, 'pods list', seconds);
  await page.keyboard.press('g');
  await page.keyboard.press('o');
  await page.getByRole('heading', { name: 'What is wrong' }).waitFor();
  await soak(page, 'overview', Math.max(30, seconds / 10));
  stop.abort();
  console.log(`changes made: ${((await changing) / seconds).toFixed(0)} per second of the list`);
} finally {
  await browser.close();
}

/** As many pods as are wanted, all running. */
async function fill(api: HttpTransport): Promise<readonly string[]> {
  for (let at = 0; at < podCount; at += podsPerDeployment)
    await api.request({
      ...deployments,
      verb: 'create',
      namespace: 'default',
      body: deployment(`load-${at / podsPerDeployment}`, { cpu: '10m' }, podsPerDeployment),
    });
  for (;;) {
    const { items } = (await api.request({ ...pods, verb: 'list', namespace: 'default' })) as {
      items: readonly { metadata: { name: string }; status?: { phase?: string } }[];
    };
    const running = items.filter(({ status }) => status?.phase === 'Running');
    if (running.length >= podCount) return running.map(({ metadata }) => metadata.name);
    await wait(2_000);
  }
}

/** Restart counts go up all over the list, and now and then a pod is replaced. */
async function change(
  api: HttpTransport,
  names: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  let made = 0;
  const begin = performance.now();
  while (!signal.aborted) {
    const due = Math.floor(((performance.now() - begin) / 1000) * changesPerSecond) - made;
    await Promise.all(Array.from({ length: Math.min(due, 50) }, () => changeOne(made++)));
    await wait(20);
  }
  return made;

  async function changeOne(number: number): Promise<void> {
    const name = names[(number * 7919) % names.length]!;
    const target = { ...pods, namespace: 'default', name };
    try {
      if (number % 100 === 0) await api.request({ ...target, verb: 'delete' });
      else
        await api.request({
          ...target,
          verb: 'patch',
          patchType: 'application/strategic-merge-patch+json',
          subresource: 'status',
          body: { status: { containerStatuses: [{ name: 'main', restartCount: number }] } },
        });
    } catch (error) {
      // It may have been replaced by one of another name.
      if ((error as { reason?: string }).reason !== 'NotFound') throw error;
    }
  }
}

/** What the app's process has taken. */
function cpuMs(): number {
  const stat = readFileSync(`/proc/${cluster.process.pid}/stat`, 'utf8');
  const fields = stat.split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function opened(page: Page): Promise<void> {
  const begin = performance.now();
  await page.goto(cluster.windowUrl!);
  await page.getByRole('heading', { name: 'What is wrong' }).waitFor();
  report('interactive after it is opened', (performance.now() - begin) / 1000, 1.5, 's');
}

async function listShown(page: Page): Promise<void> {
  const times: number[] = [];
  let app = 0;
  let shown = 0;
  for (let round = 0; round < rounds; round++) {
    await page.keyboard.press('g');
    await page.keyboard.press('c');
    await page.getByText('kube-root-ca.crt').first().waitFor();
    const before = cpuMs();
    const { total } = await traceMainThread(page, async () => {
      times.push(await page.evaluate<number>(clickAndWait));
    });
    shown += total;
    app += cpuMs() - before;
  }
  report('list shown, processor time of the page', shown / rounds, 500, 'ms');
  report('list shown, processor time of the app, changes included', app / rounds, 500, 'ms');
  report('list shown after the click, median', median(times), 500, 'ms');
  report('list shown after the click, worst', Math.max(...times), 500, 'ms');
}

/** Frames and heap while the view is open. */
async function soak(page: Page, what: string, forSeconds: number): Promise<void> {
  console.log(`\n## ${what}, ${forSeconds} s`);
  const session = await page.context().newCDPSession(page);
  const { usedSize: before } = await heapAfterCollection(session);
  await page.evaluate(watchFrames);
  const heap: { minute: number; mib: number }[] = [{ minute: 0, mib: before / 2 ** 20 }];
  const works: MainThreadWork[] = [];
  const begin = performance.now();
  while (performance.now() - begin < forSeconds * 1000) {
    works.push(await traceMainThread(page, () => wait(traceSeconds * 1000)));
    const { usedSize } = await heapAfterCollection(session);
    heap.push({ minute: (performance.now() - begin) / 60_000, mib: usedSize / 2 ** 20 });
  }
  const { frames, longTasks } = await page.evaluate(() => {
    const { frames, longTasks } = globalThis as unknown as SeenFrames;
    return { frames, longTasks };
  });
  const costs = works.flatMap((work) => [...work.frames]);
  const total = works.reduce((sum, work) => sum + work.total, 0);
  report('frame, processor time, p99', quantile(costs, 0.99), 16, 'ms');
  report('frame, processor time, longest', Math.max(...costs), 50, 'ms');
  report('longest task, processor time', Math.max(...works.map((w) => w.longestTask)), 50, 'ms');
  report('main thread busy', total / works.length / traceSeconds / 10, undefined, '%');
  report('frame, wall, p50', quantile(frames, 0.5), undefined, 'ms');
  report('frame, wall, p99', quantile(frames, 0.99), undefined, 'ms');
  report('frames of 50 ms and more, wall', frames.filter((ms) => ms >= 50).length, undefined, '');
  report('long tasks, wall', longTasks.length, undefined, '');
  report('heap', heap.at(-1)!.mib, undefined, 'MiB');
  report('heap grows by', slope(heap), 1, 'MiB a minute');
  await session.detach();
}

interface SeenFrames {
  frames: number[];
  longTasks: number[];
}

/** Runs in the page. */
function watchFrames(): void {
  const seen = globalThis as unknown as SeenFrames & { isWatching?: boolean };
  seen.frames = [];
  seen.longTasks = [];
  if (seen.isWatching) return;
  seen.isWatching = true;
  let last = performance.now();
  requestAnimationFrame(function next(now: number): void {
    seen.frames.push(now - last);
    last = now;
    requestAnimationFrame(next);
  });
  new PerformanceObserver((list) =>
    seen.longTasks.push(...list.getEntries().map(({ duration }) => duration)),
  ).observe({ type: 'longtask' });
}

async function heapAfterCollection(session: CDPSession): Promise<{ usedSize: number }> {
  await session.send('HeapProfiler.collectGarbage');
  return session.send('Runtime.getHeapUsage');
}

/** By least squares. */
function slope(points: readonly { readonly minute: number; readonly mib: number }[]): number {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = mean(points.map(({ minute }) => minute));
  const y = mean(points.map(({ mib }) => mib));
  const covariance = points.reduce((sum, { minute, mib }) => sum + (minute - x) * (mib - y), 0);
  return covariance / points.reduce((sum, { minute }) => sum + (minute - x) ** 2, 0);
}

function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(part * (values.length - 1))] ?? NaN;
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Under 1 is better than the goal. */
function report(what: string, value: number, goal: number | undefined, unit: string): void {
  const ratio =
    goal === undefined ? '' : ` (${(value / goal).toFixed(2)} of the goal of ${goal} ${unit})`;
  console.log(`${what}: ${value.toFixed(2)} ${unit}${ratio}`);
}
