import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deployment, pod } from '../support/objects.ts';
import { flawless, openWindow, schemes, type OpenWindow } from '../support/window.ts';

/** Nodes as a person looks after them: how full, what is on them, cordon, drain, remove. */

let window: OpenWindow;
let page: Page;

beforeAll(async () => {
  window = await openWindow({ simulatedNodes: 2 });
  ({ page } = window);
  page.setDefaultTimeout(10_000);
  const { create, kubectl } = window;
  await create(deployment('web', { cpu: '500m', memory: '1Gi' }, 4));
  await create(pod('alone', { cpu: '100m' }));
  await create({
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'web' },
    spec: { minAvailable: 4, selector: { matchLabels: { app: 'web' } } },
  });
  await kubectl(['wait', '--for=condition=Available', 'deployment/web', '--timeout=30s']);
  await window.go('n');
  await row('simulated-1').waitFor();
});
afterAll(() => window?.[Symbol.asyncDispose]());

const row = (name: string) => page.getByRole('row', { name: new RegExp(name) });
const panel = () => page.getByRole('complementary', { name: /^Node / });

test('the list says how each node is and how full', async () => {
  await row('simulated-1').getByText('● ready').waitFor();
  await row('simulated-1').getByText('simulated', { exact: true }).waitFor();
  expect(await row('simulated-2').innerText()).toMatch(/\d(\.\d)? of 8/);
});

test('a node is cordoned and uncordoned', async () => {
  await row('simulated-1').click();
  await panel().getByRole('button', { name: 'Cordon', exact: true }).click();
  await row('simulated-1').getByText('∥ cordoned').waitFor();
  await panel().getByRole('button', { name: 'Uncordon' }).click();
  await expect.poll(() => row('simulated-1').getByText('∥ cordoned').count()).toBe(0);
});

describe('draining', () => {
  test('the plan names who leaves, who is lost and whose budget is too tight', async () => {
    const { stdout } = await window.kubectl([
      'get',
      'pod',
      'alone',
      '-o',
      'jsonpath={.spec.nodeName}',
    ]);
    await row(stdout).click();
    await panel().getByRole('button', { name: 'Drain …' }).click();
    const plan = page.getByRole('region', { name: 'What draining does' });
    await plan.getByText(/Budget default\/web keeps 4 of 4 healthy and allows 0/).waitFor();
    await plan.getByText('nothing starts it again').waitFor();
    expect(await plan.getByRole('button', { name: /^Drain/ }).isDisabled()).toBe(true);
    for (const scheme of schemes)
      expect(await window.look('nodes-drain', scheme)).toEqual(flawless);
    await plan.getByRole('checkbox').check();
    await plan.getByRole('button', { name: /^Drain/ }).click();
  });

  test('it waits for the budget, and ends once that allows it', async () => {
    const asked = ['get', 'pod', 'alone', '--ignore-not-found', '-o', 'name'];
    await expect
      .poll(async () => (await window.kubectl(asked)).stdout, { timeout: 15_000 })
      .toBe('');
    await panel().getByRole('button', { name: 'Stop draining' }).waitFor();
    await panel()
      .getByText(/Waits: default\/web.*disruption budget/)
      .waitFor();
    for (const scheme of schemes)
      expect(await window.look('nodes-draining', scheme)).toEqual(flawless);
  });

  test('it goes on while no window is open, and the next window shows it among its tasks', async () => {
    await page.goto('about:blank');
    await page.goBack();
    const task = page.getByRole('button', { name: /Drain simulated-.* of .* pods have gone/ });
    await expect.poll(() => task.count()).toBe(1);
    await panel().getByRole('button', { name: 'Stop draining' }).waitFor();
    await window.kubectl(['delete', 'poddisruptionbudget', 'web']);
    await panel().getByText('No pod is on it.').waitFor({ timeout: 15_000 });
    await panel().getByRole('button', { name: 'Drain …' }).waitFor({ timeout: 15_000 });
  });
});

test('a removal says what happens to the machine, and shows what it does', async () => {
  await panel().getByRole('button', { name: 'Remove …' }).click();
  const removal = page.getByRole('region', { name: /^Remove simulated-/ });
  await removal.getByText('only its object is deleted, there is no machine').waitFor();
  await removal.getByText('No pod has to leave it.').waitFor();
  for (const scheme of schemes) expect(await window.look('nodes-remove', scheme)).toEqual(flawless);
  await removal.getByRole('button', { name: 'Leave it as it is' }).click();
  await expect.poll(() => removal.count()).toBe(0);
  await panel().getByRole('button', { name: 'Remove …' }).click();
  await removal.getByRole('button', { name: /^Remove simulated-/ }).click();
  await removal.getByText('and no machine was touched.').waitFor();
  await removal.getByRole('button', { name: 'Close' }).click();
});

test.each(schemes)('everybody can read the list in %s, and nothing is cut off', async (scheme) => {
  await window.go('n');
  await row('simulated-').first().waitFor();
  await page.keyboard.press('Escape');
  expect(await window.look('nodes', scheme)).toEqual(flawless);
});

test('the page breaks no rule of its own policy and reports no error', () => {
  expect(window.complaints).toEqual([]);
});
