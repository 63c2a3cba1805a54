import { request } from 'node:http';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { violationsOf } from '../support/browser.ts';
import type { Kubectl } from '../support/kubectl.ts';
import { openWindow, schemes, type OpenWindow } from '../support/window.ts';

/** The window as a person uses it: a real browser on the real app, two simulated nodes. */

const pictures = join(import.meta.dirname, '../../out/pictures');

let window: OpenWindow;
let page: Page;
let kubectl: Kubectl;

beforeAll(async () => {
  window = await openWindow();
  ({ page, kubectl } = window);
});
afterAll(() => window?.[Symbol.asyncDispose]());

describe.each(schemes)('in %s', (colorScheme) => {
  beforeAll(() => page.emulateMedia({ colorScheme }));

  test.each([
    'Overview',
    'Nodes',
    'Workloads',
    'Network',
    'Config',
    'Storage',
    'Access',
    'Activity',
  ])('%s can be read by everybody', async (section) => {
    await page.getByRole('navigation').getByRole('button', { name: section, exact: true }).click();
    await page.waitForTimeout(300);
    await page.screenshot({ path: join(pictures, `${section.toLowerCase()}-${colorScheme}.png`) });
    expect(await violationsOf(page)).toEqual([]);
  });
});

test('a list shows what kubectl creates, changes and deletes, as it happens', async () => {
  await page.getByRole('navigation').getByRole('button', { name: 'Config', exact: true }).click();
  await kubectl(['create', 'configmap', 'from-outside', '--from-literal=a=b']);
  const row = page.getByRole('row', { name: /from-outside/ });
  await expect.poll(() => row.count(), { timeout: 5_000 }).toBe(1);
  await kubectl(['delete', 'configmap', 'from-outside']);
  await expect.poll(() => row.count(), { timeout: 5_000 }).toBe(0);
});

test('from one end to the other by keyboard alone', async () => {
  await kubectl(['create', 'configmap', 'by-keyboard', '--from-literal=colour=blue']);
  await page.keyboard.press('g');
  await page.keyboard.press('c');
  await page.keyboard.press('/');
  await page.keyboard.type('by-keyboard');
  await page.getByRole('row', { name: /by-keyboard/ }).waitFor();
  await page.getByLabel('ConfigMap list').focus();
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  const panel = page.getByRole('complementary', { name: /by-keyboard/ });
  await panel.getByRole('tab', { name: 'YAML' }).press('Enter');
  await panel.getByText('colour: blue').waitFor();
  await page.screenshot({ path: join(pictures, 'panel.png') });
  await page.keyboard.press('Escape');
  await expect.poll(() => panel.count()).toBe(0);
});

test('a secret’s value is nowhere in the page', async () => {
  await kubectl(['create', 'secret', 'generic', 'hidden', '--from-literal=password=do-not-show']);
  await page.keyboard.press('g');
  await page.keyboard.press('c');
  await page.getByRole('tab', { name: 'Secret', exact: true }).click();
  await page.getByRole('row', { name: /hidden/ }).click();
  await page.getByRole('tab', { name: 'YAML' }).click();
  await page.getByText('password: (hidden)').waitFor();
  const html = await page.content();
  expect(html).not.toContain('do-not-show');
  expect(html).not.toContain(Buffer.from('do-not-show').toString('base64'));
});

test('nobody else gets in', async () => {
  const { host } = new URL(window.pilothouse.windowUrl!);
  const status = (headers: Record<string, string>): Promise<number> =>
    new Promise((resolve, reject) => {
      const [hostname, port] = host.split(':');
      request({ hostname, port, path: '/', headers }, ({ statusCode }) => resolve(statusCode ?? 0))
        .on('error', reject)
        .end();
    });
  const [cookie] = await page.context().cookies();
  const holder = { cookie: `${cookie!.name}=${cookie!.value}` };
  expect(await status(holder)).toBe(200);
  expect(await status({})).toBe(403);
  expect(await status({ ...holder, host: 'evil.example' })).toBe(403);
  expect(await status({ ...holder, origin: 'https://evil.example' })).toBe(403);
});

test('the page breaks no rule of its own policy and reports no error', () => {
  expect(window.complaints).toEqual([]);
});
