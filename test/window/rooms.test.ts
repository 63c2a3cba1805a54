import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Kubectl } from '../support/kubectl.ts';
import { deployment, pod } from '../support/objects.ts';
import { flawless, openWindow, schemes, type OpenWindow } from '../support/window.ts';

/** The rooms of the window that answer "why": scheduling, overview, and what a deletion takes along. */

let window: OpenWindow;
let page: Page;
let kubectl: Kubectl;

beforeAll(async () => {
  window = await openWindow({ simulatedNodes: 3 });
  ({ page, kubectl } = window);

  // A node that has just come is tainted until its controller has seen it ready.
  const taints = ['get', 'nodes', '-o', 'jsonpath={.items[*].spec.taints}'];
  await vi.waitUntil(async () => (await kubectl(taints)).stdout === '', { timeout: 20_000 });
  await kubectl(['taint', 'node', 'simulated-1', 'gpu=only:NoSchedule']);
  await window.create(pod('big', { cpu: '2000' }));
  await window.create(
    pod('gated', { cpu: '1' }, { schedulingGates: [{ name: 'example.com/wait' }] }),
  );
  await window.create(pod('small', { cpu: '100m' }));
  await window.create(deployment('api', { cpu: '2000' }));
  await kubectl(['wait', '--for=condition=PodScheduled', 'pod/small', '--timeout=20s']);
});
afterAll(() => window?.[Symbol.asyncDispose]());

describe('scheduling', () => {
  test('the lanes say who waits, why, and what would help', async () => {
    await window.go('s');
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
    expect(await window.look('scheduling-refused', colorScheme)).toEqual(flawless);
  });

  test('a placed pod’s grid has scores, the winner and the second best', async () => {
    await page.keyboard.press('/');
    await page.keyboard.type('default/small');
    await page.keyboard.press('Enter');
    const grid = page.getByRole('region', { name: 'Decision about default/small' });
    await grid.getByRole('row', { name: /★ simulated-/ }).waitFor();
    await grid.getByText(/second best was|had as many points/).waitFor();
    await grid.getByRole('columnheader', { name: 'total' }).waitFor();
    expect(await window.look('scheduling-placed', 'light')).toEqual(flawless);
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
    await window.go('o');
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
    expect(await window.look('overview-wrong', 'dark')).toEqual(flawless);
    expect(await window.look('overview-wrong', 'light')).toEqual(flawless);
    await problem.getByRole('button', { name: 'See why node by node' }).press('Enter');
    const grid = page.getByRole('region', { name: /Decision about default\/api-/ });
    await grid.getByText('no node of 3.').waitFor();
  });

  test('a problem that is over is gone from the page', async () => {
    await window.go('o');
    const problem = page.getByText('default/api has 0 of 2 replicas');
    await problem.waitFor();
    await kubectl(['scale', 'deployment', 'api', '--replicas=0']);
    await expect.poll(() => problem.count(), { timeout: 5_000 }).toBe(0);
  });
});

describe('lists', () => {
  test('wide columns come when they are asked for, and stay', async () => {
    await window.go('w');
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
    // The dialog says what there is when it opens.
    const podsOfApi = async (): Promise<number> => {
      const { stdout } = await kubectl(['get', 'pods', '-o', 'name']);
      return stdout.split('\n').filter((name) => name.startsWith('pod/api-')).length;
    };
    await expect.poll(podsOfApi).toBe(2);
    await window.go('w');
    await page.getByRole('tab', { name: 'Deployment', exact: true }).click();
    await page.getByRole('row', { name: /api/ }).waitFor();
    await page.getByLabel('Deployment list').focus();
    for (const key of ['j', 'x', 'd']) await page.keyboard.press(key);
    const dialog = page.getByRole('dialog', { name: 'Delete 1 Deployment?' });
    await dialog.getByText(/With it goes 1 ReplicaSet: default\/api-/).waitFor();
    await dialog.getByText(/With it go 2 pods: default\/api-/).waitFor();
    expect(await window.look('delete', colorScheme)).toMatchObject({ violations: [] });
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
  expect(window.complaints).toEqual([]);
});
