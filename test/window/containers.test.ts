import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPki } from '#main/clusters/pki.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { createCluster } from '#shared/client/cluster.ts';
import { apiOf } from '../support/api.ts';
import { startHostContainers, type HostContainers } from '../support/host-containers.ts';
import { startTestKubelet, type TestKubelet } from '../support/kubelet.ts';
import { openWindow, schemes, type OpenWindow } from '../support/window.ts';

/** Logs, shells and forwarded ports, on a kubelet's real server whose commands run on this machine. */

const podOf = (name: string, uid: string, labels: Readonly<Record<string, string>>): Pod =>
  ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'default', name, uid, labels },
    spec: {
      nodeName: 'n1',
      containers: [{ name: 'main', image: 'i', ports: [{ containerPort: 8080 }] }],
    },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: [
        {
          name: 'main',
          image: 'i',
          imageID: 'i',
          ready: true,
          restartCount: 0,
          state: { running: {} },
        },
      ],
    },
  }) as unknown as Pod;
const web = podOf('web-1', 'u1', { app: 'web' });
const other = podOf('web-2', 'u2', { app: 'web' });

let window: OpenWindow;
let page: Page;
let kubelet: TestKubelet;
let containers: HostContainers;
let folder: string;

beforeAll(async () => {
  window = await openWindow({ simulatedNodes: 1 });
  ({ page } = window);
  page.setDefaultTimeout(10_000);
  folder = mkdtempSync(join(tmpdir(), 'pilothouse-window-kubelet-'));
  const home = join(window.pilothouse.home, 'clusters/default');
  const pki = await openPki({ folder: join(home, 'pki'), clock: systemClock });
  const admin = createCluster(apiOf(window.pilothouse));
  containers = await startHostContainers(join(folder, 'logs'), [web, other]);
  kubelet = await startTestKubelet({ admin, as: () => admin }, { pki, folder }, containers);
  for (const { metadata, spec, status } of [web, other]) {
    const key = { namespace: 'default', name: metadata.name };
    await admin.create(pods, { metadata: { ...key, labels: metadata.labels! }, spec });
    const patch = { type: 'application/merge-patch+json', body: { status } } as const;
    await admin.patch(pods, key, patch, { subresource: 'status' });
  }
  await window.go('w');
  await row('web-1').waitFor();
});
afterAll(async () => {
  await window?.[Symbol.asyncDispose]();
  await kubelet?.[Symbol.asyncDispose]();
  await containers?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const row = (name: string) => page.getByRole('row', { name: new RegExp(name) });
const dock = () => page.getByRole('region', { name: 'Dock' });
const lines = () => dock().getByRole('log', { name: 'Lines' });

/** Into the file that the kubelet reads, stamped with the time of now. */
function writeLog(uid: string, lines: readonly string[]): void {
  const stamp = new Date().toISOString();
  const text = lines.map((line) => `${stamp} stdout F ${line}\n`).join('');
  writeFileSync(join(folder, 'logs', `${uid}-main.log`), text, { flag: 'a' });
}

async function press(name: string, key: string): Promise<void> {
  await row(name).click();
  await page.getByLabel('Pod list').focus();
  await page.keyboard.press(key);
}

describe('logs', () => {
  test('a pod’s log follows, and says where the loud lines are', async () => {
    writeLog('u1', [
      '{"level":"info","msg":"listening"}',
      'level=warn msg="slow disk"',
      'ERROR cannot connect to the database',
    ]);
    await press('web-1', 'l');
    await lines().getByText('cannot connect to the database').waitFor();
    await dock().getByRole('button', { name: '1 errors' }).waitFor();
    writeLog('u1', ['one line more']);
    await lines().getByText('one line more').waitFor();
    expect(await dock().getByRole('button', { name: '1 warnings' }).count()).toBe(1);
  });

  test('a filter keeps what is around, a search counts and walks', async () => {
    await dock().getByLabel('Filter lines').fill('slow');
    await expect.poll(() => lines().locator('.line').count()).toBe(4);
    await dock().getByLabel('Filter lines').fill('');
    await dock().getByLabel('Search in lines').fill('l');
    await dock().getByLabel('Search in lines').press('Enter');
    await dock()
      .getByText(/1 of \d/)
      .waitFor();
    await dock().getByLabel('Search in lines').fill('');
    await lines().getByText('listening').click();
    expect(await dock().getByLabel('Line', { exact: true }).innerText()).toContain(
      '"msg": "listening"',
    );
    await dock().getByRole('button', { name: 'Close the line' }).click();
  });

  test('a workload’s pods are one stream, each with its stripe', async () => {
    const labels = { app: 'web' };
    await window.create({
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { name: 'web' },
      spec: {
        replicas: 2,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'i' }] } },
      },
    });
    writeLog('u2', ['the other pod speaks']);
    await page.getByRole('tab', { name: 'ReplicaSet', exact: true }).click();
    await row('web').click();
    await page.getByLabel('ReplicaSet list').focus();
    await page.keyboard.press('l');
    await lines().getByText('the other pod speaks').waitFor();
    await lines().getByText('one line more').waitFor();
    await dock().getByText('web-2', { exact: true }).waitFor();
    for (const scheme of schemes)
      expect(await window.look('logs', scheme)).toMatchObject({ violations: [] });
  });

  test('thousands of lines come and go without all being drawn', async () => {
    writeLog(
      'u2',
      Array.from({ length: 5_000 }, (_, at) => `request ${at} took ${at % 97} ms`),
    );
    await lines().getByText('request 4999').waitFor();
    expect(await lines().locator('.line').count()).toBeLessThan(120);
    await lines().hover();
    await page.mouse.wheel(0, -2_000);
    await dock().getByRole('button', { name: '⤓ follow', exact: true }).waitFor();
  });
});

describe('shells', () => {
  test('what is typed is run, and its output shown', async () => {
    await page.getByRole('tab', { name: 'Pod', exact: true }).click();
    await press('web-1', 's');
    await dock().getByRole('textbox', { name: 'Terminal input' }).waitFor();
    await expect
      .poll(() =>
        dock()
          .getByText(/^Opening a shell/)
          .count(),
      )
      .toBe(0);
    const proof = join(folder, 'proof');
    await page.keyboard.type(`echo "$((6 * 7)) is it" | tee ${proof}`);
    await page.keyboard.press('Enter');
    await expect.poll(() => existsSync(proof) && readFileSync(proof, 'utf8')).toBe('42 is it\n');
    expect(await window.look('terminal', 'dark')).toMatchObject({ violations: [] });
  });

  test('its end is said, and it can be opened again', async () => {
    await page.keyboard.type('exit 3');
    await page.keyboard.press('Enter');
    await dock().getByText('The shell ended with 3').waitFor();
    await dock().getByRole('button', { name: 'Open it again' }).click();
    await expect.poll(() => dock().getByText('The shell ended with 3').count()).toBe(0);
  });

  test('a simulated pod says that it has none', async () => {
    await window.kubectl([
      'run',
      'pretender',
      '--image=nginx',
      '--overrides',
      '{"spec":{"nodeName":"simulated-1"}}',
    ]);
    await page.getByRole('row', { name: /pretender .*Running/ }).waitFor();
    await press('pretender', 's');
    await dock()
      .getByText(/it is simulated and runs no containers/)
      .waitFor();
    expect(await dock().getByRole('button', { name: 'Open it again' }).count()).toBe(1);
  });
});

test('a forwarded port is opened, used, listed and stopped', async () => {
  const server = createServer((_request, response) => response.end('hello from the pod'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await press('web-1', 'f');
  const form = dock().getByRole('form', { name: 'Forward a port' });
  await expect.poll(() => form.getByLabel('port', { exact: true }).inputValue()).toBe('8080');
  await form.getByLabel('port', { exact: true }).fill(String(port));
  await form.getByRole('button', { name: 'Forward port' }).click();
  const link = dock().getByRole('link', { name: /127\.0\.0\.1:\d+/ });
  const url = (await link.getAttribute('href')) ?? '';
  const answer = await fetch(url);
  expect(await answer.text()).toBe('hello from the pod');
  await dock().getByRole('cell', { name: 'web-1', exact: true }).waitFor();
  expect(await window.look('port-forward', 'light')).toMatchObject({ violations: [] });
  await dock()
    .getByRole('button', { name: /^Stop 127/ })
    .click();
  await dock().getByText('No port is forwarded.').waitFor();
  server.close();
});

test('the page breaks no rule of its own policy and reports no error', () => {
  expect(window.complaints).toEqual([]);
});
