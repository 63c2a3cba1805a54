import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { flawless, openWindow, schemes, type OpenWindow } from '../support/window.ts';

/** Parts of the window that are fetched when they are first shown, and what keeps them from coming. */

let window: OpenWindow;
let page: Page;

beforeAll(async () => {
  window = await openWindow({ simulatedNodes: 1 });
  ({ page } = window);
  page.setDefaultTimeout(30_000);
});
afterAll(() => window?.[Symbol.asyncDispose]());

const alert = () => page.getByRole('alert');

test('one that fails to come is fetched again by itself', async () => {
  let failures = 0;
  await page.route('**/assets/Snapshots-*.js', (route) =>
    failures++ < 2 ? route.abort('connectionfailed') : route.continue(),
  );
  await window.go('h');
  await page.getByRole('heading', { name: 'Snapshots' }).waitFor();
  expect(failures).toBeGreaterThanOrEqual(2);
});

test('one that does not come says so, and is there once it can be had', async () => {
  await page.route('**/assets/Policies-*.js', (route) => route.abort('connectionfailed'));
  await window.go('p');
  await alert()
    .getByText(/could not be fetched: .*See whether Pilothouse runs; what you typed is kept/)
    .waitFor();
  for (const scheme of schemes) expect(await window.look('part-failed', scheme)).toEqual(flawless);
  await page.unroute('**/assets/Policies-*.js');
  await alert().getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('heading', { name: 'Policies' }).waitFor();
});

test('an app that was started with another version asks for a reload', async () => {
  await page.route('**/assets/Scheduling-*.js', (route) => route.fulfill({ status: 404 }));
  await page.route(
    (url) => url.pathname === '/',
    (route) => route.fulfill({ body: '<script type="module" src="/assets/other.js"></script>' }),
    { times: 1 },
  );
  await window.go('s');
  await alert()
    .getByText(/has been started with another version/)
    .waitFor();
  expect(await alert().getByRole('button', { name: 'Try again' }).count()).toBe(0);
  await page.unroute('**/assets/Scheduling-*.js');
  await alert().getByRole('button', { name: 'Reload the window' }).click();
  await page.getByRole('heading', { name: 'Scheduling' }).waitFor();
});
