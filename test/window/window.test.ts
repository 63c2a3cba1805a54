import { once } from 'node:events';
import { request } from 'node:http';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { deployment } from '../support/objects.ts';
import type { Kubectl } from '../support/kubectl.ts';
import { flawless, openWindow, schemes, type OpenWindow } from '../support/window.ts';

/** The window as a person uses it: a real browser on the real app, two simulated nodes. */

let window: OpenWindow;
let page: Page;
let kubectl: Kubectl;

beforeAll(async () => {
  window = await openWindow();
  ({ page, kubectl } = window);
  await window.create(deployment('web', { cpu: '100m' }));
  await window.create(deployment('too-large', { cpu: '100' }, 1));
});
afterAll(() => window?.[Symbol.asyncDispose]());

describe.each([
  [1280, 720],
  [1920, 1080],
])('at %i × %i', (width, height) => {
  beforeAll(() => page.setViewportSize({ width, height }));
  afterAll(() => page.setViewportSize({ width: 1280, height: 720 }));

  test.each(schemes)(
    'everybody can read every section in %s, and nothing is cut off',
    async (scheme) => {
      const buttons = page.getByRole('navigation', { name: 'Sections' }).getByRole('button');
      const titles = await buttons.allTextContents();
      const found: Record<string, object> = {};
      for (const title of titles.map((each) => each.trim())) {
        await buttons.filter({ hasText: title }).first().click();
        await page.getByRole('main').getByRole('heading').first().waitFor();
        found[title] = await window.look(
          `${title.toLowerCase().replace(' ', '-')}-${width}`,
          scheme,
        );
      }
      expect(found).toEqual(Object.fromEntries(Object.keys(found).map((each) => [each, flawless])));
      expect(Object.keys(found).length).toBeGreaterThanOrEqual(12);
    },
    120_000,
  );
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
  await page.keyboard.press('Escape');
  await expect.poll(() => panel.count()).toBe(0);
});

test('many rows are chosen by keyboard: from one to another, or all', async () => {
  await window.go('a');
  await page.getByRole('tab', { name: 'ClusterRole', exact: true }).click();
  await page.getByRole('row', { name: /cluster-admin/ }).waitFor();
  const chosen = page.getByText(/\d+ selected/);
  for (const key of ['Home', 'x', 'j', 'j', 'X']) await page.keyboard.press(key);
  await expect.poll(() => chosen.innerText()).toContain('3 selected');
  await page.keyboard.press('A');
  await expect.poll(() => chosen.innerText()).toMatch(/(\d+) clusterroles, \1 selected/);
  await page.keyboard.press('Escape');
  await expect.poll(() => chosen.count()).toBe(0);
});

test('simulated nodes are added from the palette, and are there at once', async () => {
  await page.keyboard.press('Control+k');
  await page.keyboard.type('add simulated');
  await page.getByRole('option', { name: /Add simulated nodes/ }).waitFor();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Add simulated nodes' });
  await dialog.getByLabel('How many').fill('1');
  await dialog.getByRole('button', { name: 'Add simulated nodes' }).press('Enter');
  await window.go('n');
  const row = page.getByRole('row', { name: /simulated-3/ });
  await expect.poll(() => row.count()).toBe(1);
});

test('a secret’s value is nowhere in the page', async () => {
  const manifest = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'hidden' },
    stringData: { password: 'do-not-show' },
  };
  // Which keeps a copy of all that in an annotation.
  await kubectl(['apply', '-f', '-'], JSON.stringify(manifest));
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

test('what no honest window sends is refused and logged, and the window goes on', async () => {
  const { host } = new URL(window.pilothouse.windowUrl!);
  const [cookie] = await page.context().cookies();
  const headers = { cookie: `${cookie!.name}=${cookie!.value}` };
  const socket = new WebSocket(`ws://${host}/port`, { headers });
  await once(socket, 'open');
  socket.send('nonsense');
  socket.send(JSON.stringify({ type: 'request', id: 1, method: 'stopDrain', input: { node: 7 } }));
  const [answer] = (await once(socket, 'message')) as [Buffer];
  expect(JSON.parse(answer.toString())).toMatchObject({ type: 'error', status: { code: 400 } });
  socket.send(Buffer.alloc(5 << 20, 32));
  const [code] = (await once(socket, 'close')) as [number];
  expect(code).toBe(1009);
  const { output } = window.pilothouse;
  await expect.poll(output).toContain('a frame of no known form');
  await expect.poll(output).toContain('a malformed input of stopDrain');
  await expect.poll(output).toContain('connection broke');
  await expect(once(new WebSocket(`ws://${host}/port`), 'open')).rejects.toThrow('403');
  await page.getByRole('status').filter({ hasText: 'live' }).waitFor();
});

test('the page breaks no rule of its own policy and reports no error', () => {
  expect(window.complaints).toEqual([]);
});
