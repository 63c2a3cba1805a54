import { Agent, request } from 'node:https';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deployment } from '../support/objects.ts';
import { openWindow, schemes, type OpenWindow } from '../support/window.ts';

/** The palette: everything from the keyboard, and any object by its name. */

const many = 10_000;

let window: OpenWindow;
let page: Page;

beforeAll(async () => {
  window = await openWindow({ simulatedNodes: 1 });
  ({ page } = window);
  await window.create(deployment('web', { cpu: '100m' }));
});
afterAll(() => window?.[Symbol.asyncDispose]());

const palette = () => page.getByRole('dialog', { name: 'Palette' });
const options = () => palette().getByRole('option');

async function ask(text: string): Promise<void> {
  await page.keyboard.press('Control+k');
  await page.keyboard.type(text);
}

describe('by keyboard alone', () => {
  test('goes to a section', async () => {
    await ask('storage');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Storage' }).waitFor();
    expect(await palette().count()).toBe(0);
  });

  test('opens the list of a kind by its short name', async () => {
    await ask('netpol');
    await options().first().getByText('NetworkPolicy list').waitFor();
    await page.keyboard.press('Enter');
    const list = page.getByLabel('NetworkPolicy list');
    await expect.poll(() => list.count()).toBe(1);
  });

  test('finds an object by name and opens its panel', async () => {
    await ask('deployment web');
    await page.keyboard.press('Escape');
    await expect.poll(() => palette().count()).toBe(0);
    await ask('default/web');
    const found = options().filter({ hasText: /^default\/web\s*Deployment$/ });
    await found.waitFor();
    while ((await found.getAttribute('aria-selected')) !== 'true')
      await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('complementary', { name: 'Deployment default/web' }).waitFor();
  });

  test('does with the open object what can be done with it', async () => {
    await ask('delete');
    await options().first().getByText('Deployment default/web').waitFor();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Delete 1 Deployment?' });
    await dialog.waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(() => dialog.count()).toBe(0);
  });

  test('changes a setting', async () => {
    const theme = (): Promise<string | null> => page.locator('html').getAttribute('data-theme');
    await ask('dark colours');
    await page.keyboard.press('Enter');
    await expect.poll(theme).toBe('dark');
    await ask('colours system');
    await page.keyboard.press('Enter');
  });

  test.each(schemes)('can be read by everybody in %s', async (scheme) => {
    await ask('default/web');
    await options().filter({ hasText: 'ReplicaSet' }).last().waitFor();
    expect(await window.look('palette', scheme)).toMatchObject({ violations: [] });
    await page.keyboard.press('Escape');
  });
});

test('a key is answered in a moment among ten thousand objects', { timeout: 60_000 }, async () => {
  await fill(many);
  await ask('object-9876');
  await options().filter({ hasText: 'default/object-9876' }).waitFor();
  await palette()
    .getByText(/1\d,\d{3} objects searched/)
    .waitFor();
  const times: number[] = [];
  for (const digit of '12345') {
    await page.keyboard.press('Backspace');
    const started = performance.now();
    await page.keyboard.type(digit);
    await options()
      .filter({ hasText: `default/object-987${digit}` })
      .waitFor();
    times.push(performance.now() - started);
  }
  expect(times.toSorted((a, b) => a - b)[2]).toBeLessThan(400);
  await page.keyboard.press('Escape');
});

test('the page breaks no rule of its own policy and reports no error', () => {
  expect(window.complaints).toEqual([]);
});

interface Kubeconfig {
  readonly clusters: readonly [{ readonly cluster: Record<string, string> }];
  readonly users: readonly [{ readonly user: Record<string, string> }];
}

/** ConfigMaps, straight through the API. */
async function fill(count: number): Promise<void> {
  const { clusters, users } = parse(
    readFileSync(window.pilothouse.kubeconfig, 'utf8'),
  ) as Kubeconfig;
  const [{ cluster }] = clusters;
  const [{ user }] = users;
  const decoded = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'base64');
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const post = (name: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const outgoing = request(
        `${cluster['server']!}/api/v1/namespaces/default/configmaps`,
        {
          method: 'POST',
          agent,
          ca: decoded(cluster['certificate-authority-data']),
          cert: decoded(user['client-certificate-data']),
          key: decoded(user['client-key-data']),
          headers: { 'content-type': 'application/json' },
        },
        (response) => response.resume().on('end', resolve),
      ).on('error', reject);
      outgoing.end(JSON.stringify({ metadata: { name } }));
    });
  await Promise.all(Array.from({ length: count }, (_, index) => post(`object-${index}`)));
  agent.destroy();
}
