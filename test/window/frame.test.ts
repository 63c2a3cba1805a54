import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deployment } from '../support/objects.ts';
import { flawless, openWindow, schemes, type OpenWindow } from '../support/window.ts';

/** What surrounds every view: keys, dock, settings, colours, and what is remembered. */

let window: OpenWindow;
let page: Page;

beforeAll(async () => {
  window = await openWindow({ simulatedNodes: 1 });
  ({ page } = window);
  await window.create(deployment('web', { cpu: '100m' }));
});
afterAll(() => window?.[Symbol.asyncDispose]());

describe('keys', () => {
  test('are listed, with what they do here', async () => {
    await window.go('w');
    await page.keyboard.press('?');
    const dialog = page.getByRole('dialog', { name: 'Keys' });
    await dialog.getByText('Go to Scheduling').waitFor();
    await dialog.getByText('Next row').first().waitFor();
    expect(await window.look('keys', 'light')).toMatchObject({ violations: [] });
    await page.keyboard.press('Escape');
    await expect.poll(() => dialog.count()).toBe(0);
  });

  test('Esc closes the topmost thing and nothing else', async () => {
    await window.go('w');
    await page.getByRole('tab', { name: 'Deployment', exact: true }).click();
    await page.getByRole('row', { name: /web/ }).waitFor();
    for (const key of ['j', 'x', 'Enter', '?']) await page.keyboard.press(key);
    const dialog = page.getByRole('dialog', { name: 'Keys' });
    const panel = page.getByRole('complementary', { name: /web/ });
    const chosen = page.getByText('1 selected');
    const open = async (): Promise<readonly number[]> =>
      Promise.all([dialog.count(), panel.count(), chosen.count()]);
    await expect.poll(open).toEqual([1, 1, 1]);
    for (const left of [
      [0, 1, 1],
      [0, 0, 1],
      [0, 0, 0],
    ]) {
      await page.keyboard.press('Escape');
      await expect.poll(open).toEqual(left);
    }
  });
});

describe('a key that is not to somebody’s liking', () => {
  const dialog = () => page.getByRole('dialog', { name: 'Keys' });
  const wish = async (title: string, key: string): Promise<void> => {
    await page.keyboard.press('?');
    await dialog()
      .getByRole('button', { name: `another for: ${title}` })
      .press('Enter');
    await page.keyboard.press(key);
  };

  test('is another from then on, in the palette, too, and after a reload', async () => {
    await wish('Go to Storage', 'y');
    await dialog().getByText('g y').waitFor();
    await page.keyboard.press('Escape');
    await page.reload();
    await page.getByRole('status').filter({ hasText: 'live' }).waitFor();
    await page.keyboard.press('Control+k');
    await page.keyboard.type('storage');
    const option = page.getByRole('option', { name: /Go to Storage/ });
    await expect.poll(() => option.innerText()).toContain('g y');
    await page.keyboard.press('Escape');
    await window.go('y');
    await page.getByRole('heading', { name: 'Storage' }).waitFor();
  });

  test('may not be what does something already', async () => {
    await wish('Go to Storage', 'w');
    await dialog().getByRole('alert').getByText('Go to Workloads').waitFor();
    expect(await window.look('keys-refused', 'light')).toEqual(flawless);
    await page.keyboard.press('Escape');
    await expect.poll(() => dialog().count()).toBe(0);
  });
});

describe('the dock', () => {
  test('opens, is resized by keyboard, hidden, shown and closed', async () => {
    await page.getByRole('button', { name: /notifications/ }).click();
    const dock = page.getByRole('region', { name: 'Dock' });
    const tab = dock.getByRole('tab', { name: 'Tasks and notifications' });
    await tab.waitFor();
    const height = async (): Promise<number> => (await dock.boundingBox())?.height ?? 0;
    const before = await height();
    await dock.getByRole('separator', { name: 'Height of the dock' }).press('ArrowUp');
    expect(await height()).toBe(before + 16);
    await page.keyboard.press('Control+`');
    expect(await dock.isVisible()).toBe(false);
    await page.keyboard.press('Control+`');
    await tab.waitFor();
  });

  test.each(schemes)('can be read by everybody in %s', async (scheme) => {
    expect(await window.look('dock', scheme)).toEqual(flawless);
  });

  test('what is open, and how high, outlives a reload', async () => {
    const dock = page.getByRole('region', { name: 'Dock' });
    const before = await dock.boundingBox();
    await page.reload();
    const tab = dock.getByRole('tab', { name: 'Tasks and notifications' });
    await tab.waitFor();
    expect(await dock.boundingBox()).toEqual(before);
    await tab.press('Delete');
    await expect.poll(() => tab.count()).toBe(0);
  });
});

test('colours follow the system until somebody chooses', async () => {
  const theme = (): Promise<string | null> => page.locator('html').getAttribute('data-theme');
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect.poll(theme).toBe('dark');
  await page.keyboard.press('Control+,');
  const dialog = page.getByRole('dialog', { name: 'Settings' });
  await dialog.getByRole('radio', { name: 'Light' }).press('Space');
  await expect.poll(theme).toBe('light');
  await page.reload();
  await expect.poll(theme).toBe('light');
  await page.keyboard.press('Control+,');
  await dialog.getByRole('radio', { name: 'As the system' }).press('Space');
  await expect.poll(theme).toBe('dark');
  await page.keyboard.press('Escape');
});

test('the page breaks no rule of its own policy and reports no error', () => {
  expect(window.complaints).toEqual([]);
});
