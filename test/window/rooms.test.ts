import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startBrowser, violationsOf } from '../support/browser.ts';
import { kubectlOn, type Kubectl } from '../support/kubectl.ts';
import { startPilothouse, type Pilothouse } from '../support/pilothouse.ts';

/** The rooms of the window that answer "why": scheduling, overview, and what a deletion takes along. */

const pictures = join(import.meta.dirname, '../../out/pictures');

let pilothouse: Pilothouse;
let browser: Browser;
let page: Page;
let kubectl: Kubectl;
const complaints: string[] = [];

beforeAll(async () => {
  mkdirSync(pictures, { recursive: true });
  pilothouse = await startPilothouse({ simulatedNodes: 3, window: true });
  kubectl = kubectlOn('kubectl', pilothouse.kubeconfig);
  browser = await startBrowser();
  page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(pilothouse.windowUrl!);
  await page.getByRole('status').filter({ hasText: 'live' }).waitFor();

  // A node that has just come is tainted until its controller has seen it ready.
  const taints = ['get', 'nodes', '-o', 'jsonpath={.items[*].spec.taints}'];
  await vi.waitUntil(async () => (await kubectl(taints)).stdout === '', { timeout: 20_000 });
  await kubectl(['taint', 'node', 'simulated-1', 'gpu=only:NoSchedule']);
  await create(pod('big', { cpu: '2000' }));
  await create(pod('gated', { cpu: '1' }, { schedulingGates: [{ name: 'example.com/wait' }] }));
  await create(pod('small', { cpu: '100m' }));
  await create(deployment('api', { cpu: '2000' }));
  await kubectl(['wait', '--for=condition=PodScheduled', 'pod/small', '--timeout=20s']);
});
afterAll(async () => {
  await browser?.close();
  await pilothouse?.[Symbol.asyncDispose]();
});

const schemes = ['light', 'dark'] as const;

describe('scheduling', () => {
  test('the lanes say who waits, why, and what would help', async () => {
    await go('s');
    const unschedulable = page.getByRole('region', { name: 'Unschedulable' });
    await unschedulable.getByText(/not enough resources on any node/).waitFor();
    await unschedulable.getByText(/tried again when .*a pod ends or asks for less/).waitFor();
    await unschedulable.getByRole('button', { name: /default\/big/ }).waitFor();
    const gated = page.getByRole('region', { name: 'Gated' });
    await gated.getByRole('button', { name: /default\/gated/ }).waitFor();
    expect(await gated.getByText('tried when its scheduling gates are removed').count()).toBe(1);
  });

  test('a waiting pod opens its grid and every reason, by keyboard', async () => {
    await page.getByRole('button', { name: /default\/big/ }).press('Enter');
    const grid = page.getByRole('region', { name: 'Decision about default/big' });
    await grid.getByText('no node of 3.').waitFor();
    await grid
      .getByText(/2 lack cpu \(asks 2000, free .*\) · 1 has taint gpu=only:NoSchedule/)
      .waitFor();
    await grid.getByText(/Would help: .*tolerate gpu=only:NoSchedule/).waitFor();
    const row = grid.getByRole('row', { name: /simulated-1/ });
    await row.getByRole('cell').first().focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    const looked = grid.getByText('TaintToleration: node(s) had untolerated taint(s)');
    await expect.poll(() => looked.count()).toBe(1);
  });

  test.each(schemes)('everybody can read it in %s, and nothing is cut off', async (colorScheme) => {
    expect(await look('scheduling-refused', colorScheme)).toEqual(flawless);
  });

  test('a placed pod’s grid has scores, the winner and the second best', async () => {
    await page.keyboard.press('/');
    await page.keyboard.type('default/small');
    await page.keyboard.press('Enter');
    const grid = page.getByRole('region', { name: 'Decision about default/small' });
    await grid.getByRole('row', { name: /★ simulated-/ }).waitFor();
    await grid.getByText(/second best was|had as many points/).waitFor();
    await grid.getByRole('columnheader', { name: 'total' }).waitFor();
    expect(await look('scheduling-placed', 'light')).toEqual(flawless);
    await page.getByRole('heading', { name: 'Scheduling' }).click();
    await page.keyboard.press('Escape');
    await expect.poll(() => grid.count()).toBe(0);
  });

  test('a pod leaves its lane once it is placed', async () => {
    const waiting = page.getByRole('button', { name: /default\/gated/ });
    await kubectl(['patch', 'pod', 'gated', '-p', '{"spec":{"schedulingGates":null}}']);
    await expect.poll(() => waiting.count(), { timeout: 5_000 }).toBe(0);
  });
});

describe('overview', () => {
  test('a problem says what, why and where to go', async () => {
    await go('o');
    const wrong = page.getByRole('region', { name: 'What is wrong' });
    const problem = wrong
      .getByRole('listitem')
      .filter({ hasText: 'default/api has 0 of 2 replicas' });
    await problem
      .getByText(/cannot be scheduled: 0\/3 nodes are available: .*Insufficient cpu/)
      .waitFor();
    await page.getByRole('row', { name: /simulated-3 .* of 8/ }).waitFor();
    await page
      .getByRole('region', { name: 'Recent activity' })
      .getByText(/FailedScheduling/)
      .first()
      .waitFor();
    expect(await look('overview-wrong', 'dark')).toEqual(flawless);
    expect(await look('overview-wrong', 'light')).toEqual(flawless);
    await problem.getByRole('button', { name: 'See why node by node' }).press('Enter');
    const grid = page.getByRole('region', { name: /Decision about default\/api-/ });
    await grid.getByText('no node of 3.').waitFor();
  });

  test('a problem that is over is gone from the page', async () => {
    await go('o');
    const problem = page.getByText('default/api has 0 of 2 replicas');
    await problem.waitFor();
    await kubectl(['scale', 'deployment', 'api', '--replicas=0']);
    await expect.poll(() => problem.count(), { timeout: 5_000 }).toBe(0);
  });
});

describe('lists', () => {
  test('wide columns come when they are asked for, and stay', async () => {
    await go('w');
    await page.getByRole('tab', { name: 'Pod', exact: true }).click();
    const header = page.getByRole('columnheader', { name: 'Nominated Node' });
    await page.getByText('Columns', { exact: true }).click();
    expect(await header.count()).toBe(0);
    await page.getByRole('checkbox', { name: 'Nominated Node' }).press('Space');
    await header.waitFor();
    await page.reload();
    await header.waitFor();
  });

  test.each(schemes)('a deletion names what goes with it, in %s', async (colorScheme) => {
    await kubectl(['scale', 'deployment', 'api', '--replicas=2']);
    await go('w');
    await page.getByRole('tab', { name: 'Deployment', exact: true }).click();
    await page.getByRole('row', { name: /api/ }).waitFor();
    await page.getByLabel('Deployment list').focus();
    for (const key of ['j', 'x', 'd']) await page.keyboard.press(key);
    const dialog = page.getByRole('dialog', { name: 'Delete 1 Deployment?' });
    await dialog.getByText(/With it goes 1 ReplicaSet: default\/api-/).waitFor();
    await dialog.getByText(/With it go 2 pods: default\/api-/).waitFor();
    expect(await look('delete', colorScheme)).toMatchObject({ violations: [] });
    await page.keyboard.press('Escape');
    await expect.poll(() => dialog.count()).toBe(0);
    expect(await page.getByRole('row', { name: /api/ }).count()).toBe(1);
  });

  test('what is confirmed is deleted', async () => {
    await page.getByLabel('Deployment list').focus();
    for (const key of ['j', 'd']) await page.keyboard.press(key);
    await page.getByRole('button', { name: 'Delete 1 Deployment' }).press('Enter');
    await expect.poll(() => page.getByRole('dialog').count(), { timeout: 5_000 }).toBe(0);
    await expect
      .poll(() => page.getByRole('row', { name: /api/ }).count(), { timeout: 5_000 })
      .toBe(0);
  });
});

test('the page breaks no rule of its own policy and reports no error', () => {
  expect(complaints).toEqual([]);
});

async function go(key: string): Promise<void> {
  await page.locator('body').click({ position: { x: 90, y: 600 } });
  await page.keyboard.press('g');
  await page.keyboard.press(key);
}

interface Box {
  readonly scrollWidth: number;
  readonly clientWidth: number;
  readonly tagName: string;
  readonly className: unknown;
}

const flawless = { violations: [], cutOff: [] };

/** Takes the picture and tells what not everybody could read or reach. */
async function look(name: string, colorScheme: (typeof schemes)[number]): Promise<object> {
  await page.emulateMedia({ colorScheme });
  await page.screenshot({ path: join(pictures, `${name}-${colorScheme}.png`) });
  const cutOff = await page
    .locator('main, main *')
    .evaluateAll((elements) =>
      (elements as unknown as readonly Box[])
        .filter(({ scrollWidth, clientWidth }) => clientWidth > 0 && scrollWidth > clientWidth + 1)
        .map(({ tagName, className }) => `${tagName}.${String(className)}`),
    );
  return { violations: await violationsOf(page), cutOff };
}

async function create(object: object): Promise<void> {
  const { code, stderr } = await kubectl(['create', '-f', '-'], JSON.stringify(object));
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
}

type Amounts = Readonly<Record<string, string>>;

function pod(name: string, requests: Amounts, spec: object = {}): object {
  const containers = [{ name: 'main', image: 'nginx', resources: { requests } }];
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { ...spec, containers } };
}

function deployment(name: string, requests: Amounts): object {
  const labels = { app: name };
  const containers = [{ name: 'main', image: 'nginx', resources: { requests } }];
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers } },
    },
  };
}
