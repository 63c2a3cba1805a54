import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startSshServer, type SshServer } from '../support/ssh-server.ts';
import { flawless, openWindow, schemes, type OpenWindow } from '../support/window.ts';

/** Adding a node as a person does, up to the point where a machine would be changed. */

const password = 'do-not-show';
let window: OpenWindow;
let page: Page;
let server: SshServer;

beforeAll(async () => {
  server = await startSshServer(password);
  window = await openWindow({ simulatedNodes: 1 });
  ({ page } = window);
  page.setDefaultTimeout(15_000);
  await window.go('n');
});
afterAll(async () => {
  await window?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

const step = (name: string) => page.getByRole('region', { name, exact: true });

test('only simulated nodes: the doors to real ones are open', async () => {
  await page.getByText(/Only simulated nodes so far/).waitFor();
  await page.getByRole('button', { name: 'A machine over SSH …' }).click();
  await page.getByLabel('Machine').fill('nonsense');
  await page.getByText('Write it as user@host, or user@host:port').waitFor();
  expect(await page.getByRole('button', { name: 'Connect' }).isDisabled()).toBe(true);
});

test('a machine that does not answer says what to see to, and can be tried again', async () => {
  await page.getByLabel('Machine').fill('root@127.0.0.1:1');
  await page.getByRole('button', { name: 'Connect' }).click();
  await page
    .getByRole('alert')
    .getByText(/see whether its SSH server runs/)
    .waitFor();
  expect(await page.getByRole('button', { name: 'Go on from where it was' }).count()).toBe(1);
  await page.getByRole('button', { name: 'Close', exact: true }).click();
});

test('the host key is shown before it is trusted, and a password is asked for once', async () => {
  await page.getByRole('button', { name: 'Add node …' }).click();
  await page.getByLabel('Machine').fill(`root@127.0.0.1:${server.port}`);
  await page.getByRole('button', { name: 'Connect' }).click();
  await step('Host key')
    .getByText(/SHA256:/)
    .waitFor();
  for (const scheme of schemes) expect(await window.look('add-node', scheme)).toEqual(flawless);
  await page.getByRole('button', { name: 'Trust this key' }).click();
  await step('Host key')
    .getByLabel(/^Password of root@127/)
    .fill(password);
  await page.getByRole('button', { name: 'Go on', exact: true }).click();
});

test('every check runs, and what is wrong says how to put it right', async () => {
  const outcome = page
    .getByRole('alert')
    .filter({ hasText: 'It cannot become a node yet, and nothing has been changed on it' })
    .or(page.getByRole('button', { name: 'Make it a node' }));
  await outcome.first().waitFor({ timeout: 30_000 });
  expect(await page.content()).not.toContain(password);
  for (const scheme of schemes)
    expect(await window.look('add-node-checks', scheme)).toEqual(flawless);
});

test('the page breaks no rule of its own policy and reports no error', () => {
  expect(window.complaints).toEqual([]);
});
