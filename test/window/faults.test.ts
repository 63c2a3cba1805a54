import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deployment } from '../support/objects.ts';
import { startPilothouse, type Pilothouse } from '../support/pilothouse.ts';
import { openWindow, schemes, type OpenWindow } from '../support/window.ts';

/** What the window does while things go wrong: it says so, loses nothing, and comes back by itself. */

let home: string;
let window: OpenWindow;
let page: Page;
let again: Pilothouse | undefined;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'pilothouse-window-faults-'));
  window = await openWindow({ home, simulatedNodes: 1 });
  ({ page } = window);
  page.setDefaultTimeout(60_000);
  await window.create(deployment('web', { cpu: '100m' }));
});
afterAll(async () => {
  await window?.[Symbol.asyncDispose]();
  await again?.[Symbol.asyncDispose]();
  await rm(home, { recursive: true, force: true });
});

const dock = () => page.getByRole('region', { name: 'Dock' });

test(
  'an app that is killed: the window says so, keeps what was typed, and goes on with the next one',
  { timeout: 180_000 },
  async () => {
    await window.go('w');
    await page.getByRole('tab', { name: 'Deployment', exact: true }).click();
    await page.getByRole('row', { name: /web/ }).click();
    await page.getByLabel('Deployment list').focus();
    await page.keyboard.press('e');
    await dock().getByRole('status').filter({ hasText: 'As it is in the cluster' }).waitFor();
    await dock().locator('.view-lines').first().click();
    await page.keyboard.press('Control+Home');
    await page.keyboard.type('# typed before the end\n');
    const { pilothouse } = window;
    const ended = once(pilothouse.process, 'exit');
    pilothouse.process.kill('SIGKILL');
    await ended;
    await page.getByText(/trying again\. Data is \d+ s old/).waitFor();
    for (const scheme of schemes)
      expect(await window.look('app-killed', scheme)).toMatchObject({ violations: [] });
    await page.getByRole('row', { name: /web/ }).waitFor();
    await dock().locator('.view-lines').first().click();
    await page.keyboard.press('Control+Home');
    await page.keyboard.type('# typed while it was away\n');
    again = await startPilothouse({ home, port: pilothouse.port, simulatedNodes: 1, window: true });
    await page.getByRole('status').filter({ hasText: 'live' }).waitFor();
    // Lines do not stand in their order in the page.
    const text = await dock().locator('.view-lines').first().innerText();
    for (const when of ['before the end', 'while it was away'])
      expect(text.replaceAll('\u00a0', ' ')).toContain(`# typed ${when}`);
    await window.kubectl(['scale', 'deployment', 'web', '--replicas=5']);
    await page.getByRole('row', { name: /web.*5\/5/ }).waitFor();
  },
);

test(
  'a server that is slow by two seconds: what changes is shown, what was typed is weighed, nothing is called lost',
  { timeout: 180_000 },
  async () => {
    await page.routeWebSocket(/\/port$/, (socket) => {
      const server = socket.connectToServer();
      server.onMessage((message) => void setTimeout(() => socket.send(message), 2_000));
    });
    await page.reload();
    await page.getByRole('status').filter({ hasText: 'live' }).waitFor();
    await page.getByRole('row', { name: /web.*5\/5/ }).waitFor();
    await dock()
      .getByRole('status')
      .filter({ hasText: /would change|to decide/ })
      .waitFor();
    const lost = page.getByText(/trying again|has closed the connection/);
    await window.kubectl(['scale', 'deployment', 'web', '--replicas=3']);
    await page.getByRole('row', { name: /web.*3\/3/ }).waitFor();
    expect(await lost.count()).toBe(0);
  },
);
