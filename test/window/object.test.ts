import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Kubectl } from '../support/kubectl.ts';
import { deployment } from '../support/objects.ts';
import { flawless, openWindow, schemes, type OpenWindow } from '../support/window.ts';

/** One object in the panel, and many of them at once. */

let window: OpenWindow;
let page: Page;
let kubectl: Kubectl;

beforeAll(async () => {
  window = await openWindow({ simulatedNodes: 2 });
  ({ page, kubectl } = window);
  await window.create(deployment('web', { cpu: '100m' }, 3));
  await window.create(deployment('api', { cpu: '100m' }, 1));
  await kubectl(['expose', 'deployment', 'web', '--port=80']);
  await kubectl(['rollout', 'status', 'deployment/web', '--timeout=30s']);
});
afterAll(() => window?.[Symbol.asyncDispose]());

const panel = (): Locator => page.getByRole('complementary');

async function open(section: string, kind: string, name: RegExp): Promise<void> {
  await window.go(section);
  await page.getByRole('tab', { name: kind, exact: true }).click();
  await page.getByRole('row', { name }).first().click();
}

describe('the panel', () => {
  test('a deployment is its rollout, its pods as dots, each a link', async () => {
    await open('w', 'Deployment', /web/);
    const rollout = panel().getByRole('region', { name: 'Rollout' });
    await rollout.getByText('All 3 replicas are new and available.').waitFor();
    const dots = rollout.getByRole('button', { name: /is ready on simulated-/ });
    expect(await dots.count()).toBe(3);
    expect(await window.look('panel-deployment', 'light')).toEqual(flawless);
    await dots.first().click();
    await page.getByRole('complementary', { name: /Pod default\/web-/ }).waitFor();
  });

  test('a pod’s containers are told in words', async () => {
    const containers = panel().getByRole('region', { name: 'Containers' });
    await containers.getByText(/runs for .*, ready/).waitFor();
    await containers.getByRole('button', { name: /simulated-/ }).waitFor();
    await panel().getByRole('tab', { name: 'Relations' }).click();
    await panel().getByRole('region', { name: 'selected by' }).getByText('default/web').waitFor();
    await panel().getByRole('region', { name: 'owned by' }).getByRole('button').click();
    const owner = page.getByRole('complementary', { name: /ReplicaSet default\/web-/ });
    await expect.poll(() => owner.count()).toBe(1);
  });

  test('a service says how to reach it and what answers', async () => {
    await open('e', 'Service', /web/);
    await panel().getByText('web.default.svc:80 TCP').waitFor();
    const endpoints = panel().getByRole('region', { name: 'Endpoints' });
    await expect.poll(() => endpoints.getByText('● ready').count()).toBe(3);
  });

  test.each(schemes)('can be read by everybody in %s', async (scheme) => {
    // The list beside it has more columns than there is room for, and is scrolled.
    expect(await window.look('panel-service', scheme)).toMatchObject({ violations: [] });
  });

  test('who owns which field stands folded above the YAML', async () => {
    await panel().getByRole('tab', { name: 'YAML' }).click();
    await panel()
      .getByText(/managedFields: \d manager/)
      .click();
    await panel()
      .getByText(/kubectl-expose/)
      .waitFor();
    expect(await panel().getByLabel('YAML', { exact: true }).innerText()).not.toContain('f:spec');
  });
});

describe('many at once', () => {
  beforeAll(async () => {
    await window.go('w');
    await page.getByRole('tab', { name: 'Deployment', exact: true }).click();
    await page.getByRole('row', { name: /web/ }).waitFor();
    await page.getByLabel('Deployment list').focus();
    for (const key of ['j', 'x', 'j', 'x']) await page.keyboard.press(key);
    await page.getByText('2 selected').waitFor();
  });

  test('are scaled', async () => {
    await page.getByRole('button', { name: 'Scale …' }).click();
    const dialog = page.getByRole('dialog', { name: 'Scale 2 deployments' });
    const verb = dialog.getByRole('button', { name: 'Scale 2 deployments' });
    expect(await verb.isEnabled()).toBe(false);
    await dialog.getByLabel('Replicas').fill('2');
    expect(await window.look('scale', 'light')).toMatchObject({ violations: [] });
    await page.keyboard.press('Enter');
    await page.getByText('2 deployments scaled to 2').waitFor();
    const { stdout } = await kubectl(['get', 'deploy', '-o', 'jsonpath={.items[*].spec.replicas}']);
    expect(stdout).toBe('2 2');
  });

  test('are labelled', async () => {
    await page.getByRole('button', { name: 'Label …' }).click();
    await page.getByLabel('Label', { exact: true }).fill('team=blue');
    await page.keyboard.press('Enter');
    await page.getByText('2 deployments labelled team=blue').waitFor();
    const { stdout } = await kubectl(['get', 'deploy', '-l', 'team=blue', '-o', 'name']);
    expect(stdout.trim().split('\n')).toEqual(['deployment.apps/api', 'deployment.apps/web']);
  });

  test('are restarted, having been asked', async () => {
    await page.getByRole('button', { name: 'Restart …' }).click();
    const dialog = page.getByRole('dialog', { name: 'Restart 2 deployments?' });
    await dialog.getByRole('button', { name: 'Restart 2 deployments' }).click();
    await page.getByText('2 deployments are being restarted').waitFor();
    const annotations = 'jsonpath={.items[*].spec.template.metadata.annotations}';
    const { stdout } = await kubectl(['get', 'deploy', '-o', annotations]);
    expect(stdout.match(/kubectl.kubernetes.io\/restartedAt/g)).toHaveLength(2);
  });
});

test('what is loaded first is small: the editor comes when somebody edits', () => {
  const renderer = join(import.meta.dirname, '../../out/renderer');
  const html = readFileSync(join(renderer, 'index.html'), 'utf8');
  const first = [...html.matchAll(/(?:src|href)="\.?\/?(assets\/[^"]+\.(?:js|css))"/g)].map(
    ([, file]) => readFileSync(join(renderer, file!)),
  );
  expect(first.length).toBeGreaterThan(1);
  expect(first.reduce((sum, bytes) => sum + gzipSync(bytes).length, 0)).toBeLessThan(1 << 20);
  expect(first.every((bytes) => !bytes.includes('monaco-diff-editor'))).toBe(true);
  expect(globSync(join(renderer, 'assets/YamlTab-*.js'))).toHaveLength(1);
});

test('the page breaks no rule of its own policy and reports no error', () => {
  expect(window.complaints).toEqual([]);
});
