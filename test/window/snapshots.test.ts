import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deployment } from '../support/objects.ts';
import { flawless, openWindow, schemes, type OpenWindow } from '../support/window.ts';

/** Snapshots as a person uses them: take, compare, bring an object back, restore, carry away. */

let window: OpenWindow;
let page: Page;

beforeAll(async () => {
  window = await openWindow({ simulatedNodes: 2 });
  ({ page } = window);
  const { kubectl, create } = window;
  await create(deployment('web', { cpu: '100m' }));
  await kubectl(['create', 'configmap', 'settings', '--from-literal=colour=blue']);
  await kubectl(['create', 'configmap', 'lost', '--from-literal=a=b']);
  await kubectl(['create', 'secret', 'generic', 'key', '--from-literal=password=do-not-show']);
  await kubectl(['wait', '--for=condition=Available', 'deployment/web', '--timeout=30s']);
});
afterAll(() => window?.[Symbol.asyncDispose]());

const list = () => page.getByRole('table', { name: 'Snapshots' });
const rows = () => list().locator('tbody').getByRole('row');

describe('taking', () => {
  test('nothing is there yet: the one thing to do is offered, and done', async () => {
    await window.go('h');
    await page.getByRole('button', { name: 'take one now' }).click();
    await rows().filter({ hasText: '◆ manual' }).waitFor();
    const detail = page.getByRole('region', { name: /^Snapshot of/ });
    await detail.getByText(/Restored into a scratch store .*, equal\./).waitFor();
    await detail.getByText(/objects? differ, \d+ equal/).waitFor();
    expect(await rows().count()).toBe(1);
  });

  test('rules are set in words', async () => {
    await page.getByText('Taken every 30 minutes').click();
    const form = page.getByRole('form', { name: 'Rules for snapshots' });
    await form.getByLabel('Take one').selectOption('every hour');
    await form.getByLabel('How many scheduled ones stay').fill('12');
    await form.getByRole('button', { name: 'Save rules' }).click();
    await page.getByText('Taken every hour').waitFor();
    const settings = `${window.pilothouse.home}/clusters/default/cluster.yaml`;
    expect(readFileSync(settings, 'utf8')).toMatch(/everyMinutes: 60/);
  });
});

describe('comparing', () => {
  test('what differs from now is shown by kind, object and line', async () => {
    const { kubectl } = window;
    await kubectl(['patch', 'configmap', 'settings', '-p', '{"data":{"colour":"green"}}']);
    await kubectl(['delete', 'configmap', 'lost']);
    await kubectl(['patch', 'secret', 'key', '-p', '{"data":{"password":"b3RoZXI="}}']);
    await kubectl(['scale', 'deployment', 'web', '--replicas=3']);
    await kubectl(['wait', '--for=jsonpath={.status.readyReplicas}=3', 'deployment/web']);
    await page.getByRole('button', { name: 'Compare again' }).click();
    await page.getByText('default/settings').click();
    const diff = page.getByLabel('Then and now: settings');
    await diff
      .getByText('− colour: blue')
      .or(diff.getByText(/−\s+colour: blue/))
      .waitFor();
    expect(await diff.innerText()).toMatch(/\+\s+colour: green/);
  });

  test('a secret says that it differs, and not what it holds', async () => {
    await page.getByText('default/key').click();
    await page.getByText('Values of a secret are not shown.').waitFor();
    const html = await page.content();
    expect(html).toContain('(hidden, another value then)');
    expect(html).not.toContain('ZG8tbm90LXNob3c=');
    await page.getByText('default/key').click();
  });

  test.each(schemes)('everybody can read it in %s, and nothing is cut off', async (scheme) => {
    const diff = page.getByLabel('Then and now: settings');
    if ((await diff.count()) === 0) await page.getByText('default/settings').click();
    await diff.waitFor();
    expect(await window.look('snapshots', scheme)).toEqual(flawless);
  });

  test('an object comes back alone, after the server has said what would happen', async () => {
    await page.getByRole('checkbox', { name: 'Choose ConfigMap default/lost' }).check();
    await page.getByRole('button', { name: 'See what happens' }).click();
    await page.getByText('ConfigMap default/lost comes back').waitFor();
    await page.getByRole('button', { name: 'Make it what it was' }).click();
    await expect
      .poll(async () => (await window.kubectl(['get', 'configmap', 'lost', '-o', 'name'])).stdout)
      .toContain('lost');
  });
});

describe('restoring', () => {
  test('the plan says what comes back, vanishes and changes', async () => {
    await window.kubectl(['delete', 'deployment', 'web']);
    await page.getByRole('button', { name: 'Compare again' }).click();
    await page.getByRole('button', { name: 'Restore cluster …' }).click();
    const plan = page.getByRole('region', { name: 'Plan' });
    await plan.getByText(/objects? comes? back/).waitFor();
    await plan.getByText(/objects? comes? back/).click();
    await plan
      .getByText(/default\/web/)
      .first()
      .waitFor();
    for (const scheme of schemes)
      expect(await window.look('snapshot-plan', scheme)).toEqual(flawless);
  });

  test('it is done step by step, and everything is as it was', async () => {
    await page.getByRole('button', { name: 'Restore cluster', exact: true }).click();
    const steps = page.getByRole('region', { name: 'Restoration' });
    await steps.getByText(/^✓ Restored/).waitFor({ timeout: 60_000 });
    expect(await window.look('snapshot-restored', 'light')).toEqual(flawless);
    const { stdout } = await window.kubectl([
      'get',
      'configmap',
      'settings',
      '-o',
      'jsonpath={.data.colour}',
    ]);
    expect(stdout).toBe('blue');
    const replicas = ['get', 'deployment', 'web', '-o', 'jsonpath={.spec.replicas}'];
    expect((await window.kubectl(replicas)).stdout).toBe('2');
    await rows().filter({ hasText: '▲ pre-change' }).waitFor();
    await steps.getByRole('button', { name: 'Put away' }).click();
    await expect.poll(() => steps.count()).toBe(0);
  });

  test('the rest of the window lives on', async () => {
    await window.go('c');
    await page.getByRole('row', { name: /settings/ }).waitFor();
    await window.go('h');
    await expect.poll(() => rows().count()).toBe(2);
  });
});

test('a file goes out and comes in again', async () => {
  await rows().filter({ hasText: '◆ manual' }).click();
  const downloading = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export file' }).click();
  const download = await downloading;
  expect(download.suggestedFilename()).toMatch(/^manual_.*\.db$/);
  await page.getByLabel('Snapshot file to import').setInputFiles(await download.path());
  await rows().filter({ hasText: '▼ imported' }).waitFor();
});

test('by keyboard from one to the next, and away', async () => {
  await rows().first().getByRole('button').focus();
  await page.keyboard.press('j');
  await expect
    .poll(() => rows().nth(1).getByRole('button').getAttribute('aria-pressed'))
    .toBe('true');
  await page.getByRole('button', { name: 'Delete …' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete snapshot' }).click();
  await expect.poll(() => rows().count()).toBe(2);
});

test('the page breaks no rule of its own policy and reports no error', () => {
  expect(window.complaints).toEqual([]);
});
