import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { busyboxImage, importBusybox } from '../support/hosts/busybox.ts';
import { startHosts, type TestHosts } from '../support/hosts/index.ts';
import { openWindow, schemes, type OpenWindow } from '../support/window.ts';

/**
 * A machine becomes a node in the window, as a person does it, runs something, and is a machine again.
 * Every link is there before the browser starts: it takes a new one for another network.
 */

const minutes = 60_000;
let window: OpenWindow;
let page: Page;
let hosts: TestHosts;
let home: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'pilothouse-window-nodes-'));
  hosts = await startHosts({ count: 1, kind: 'container' });
  await importBusybox(hosts.hosts[0]!);
  window = await openWindow({ simulatedNodes: 0, home });
  ({ page } = window);
  page.setDefaultTimeout(30_000);
  await window.go('n');
}, 10 * minutes);
afterAll(async () => {
  await window?.[Symbol.asyncDispose]();
  await hosts?.[Symbol.asyncDispose]();
  await rm(home, { recursive: true, force: true });
});

const step = (name: string) => page.getByRole('region', { name, exact: true });
const dock = () => page.getByRole('region', { name: 'Dock' });
const row = (name: string) => page.getByRole('row', { name: new RegExp(name) });

async function look(name: string): Promise<void> {
  for (const scheme of schemes)
    expect(await window.look(name, scheme)).toMatchObject({ violations: [] });
}

describe('a machine becomes a node', { timeout: 5 * minutes }, () => {
  test('its key is shown before it is trusted, and its plan before anything is changed', async () => {
    await page.getByRole('button', { name: 'A machine over SSH …' }).click();
    await page.getByLabel('Machine').fill(`admin@${hosts.hosts[0]!.address}`);
    await page.getByLabel('Key file').fill(hosts.keyFile);
    await page.getByRole('button', { name: 'Connect' }).click();
    await step('Host key')
      .getByText(/SHA256:/)
      .waitFor();
    await page.getByRole('button', { name: 'Trust this key' }).click();
    await page.getByRole('button', { name: 'Make it a node' }).waitFor({ timeout: minutes });
    await look('add-node-plan');
    const { out } = await hosts.hosts[0]!.execute('ls /var/lib/pilothouse 2>/dev/null');
    expect(out).toBe('');
  });

  test('it can be cancelled in the middle, and goes on from there', async () => {
    await page.getByRole('button', { name: 'Make it a node' }).click();
    const run = step('Run');
    await run.getByText(/^sending Node: \d+ %$/m).waitFor({ timeout: 2 * minutes });
    await look('add-node-run');
    // Whoever looks elsewhere meanwhile finds it again where it was.
    await window.go('o');
    await page.getByRole('button', { name: /^▸ Make h1 a node/ }).waitFor();
    await window.go('n');
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page
      .getByRole('alert')
      .getByText(/^✗ Cancelled/)
      .waitFor();
    const node = ['get', 'node', 'h1', '--ignore-not-found', '-o', 'name'];
    expect((await window.kubectl(node)).stdout).toBe('');
    await page.getByRole('button', { name: 'Go on from where it was' }).click();
    await page.getByRole('button', { name: 'Make it a node' }).click({ timeout: 2 * minutes });
    await page.getByText('✓ h1 is a node.').waitFor({ timeout: 4 * minutes });
    await look('add-node-done');
    await page.getByRole('button', { name: 'Show h1' }).click();
    const panel = page.getByRole('complementary', { name: 'Node h1' });
    await panel.getByText('● ready').waitFor();
    await panel.getByText('tunnel connected').waitFor();
    await look('node-real');
  });
});

describe('what runs on it', { timeout: 3 * minutes }, () => {
  const speak = 'i=0; while true; do echo "line $i from $(hostname)"; i=$((i+1)); sleep 1; done';
  const serve = 'mkdir -p /tmp/w; hostname >/tmp/w/index.html; httpd -p 8080 -h /tmp/w';
  const workload = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          terminationGracePeriodSeconds: 0,
          containers: [
            {
              name: 'main',
              image: busyboxImage,
              imagePullPolicy: 'Never',
              command: ['sh', '-c', `${serve}; ${speak}`],
              ports: [{ containerPort: 8080 }],
            },
          ],
        },
      },
    },
  };

  async function inDock(kind: string, name: string, key: string): Promise<void> {
    await window.go('w');
    await page.getByRole('tab', { name: kind, exact: true }).click();
    await row(name).first().click();
    await page.getByLabel(`${kind} list`).focus();
    await page.keyboard.press(key);
  }

  test('the log of a workload is followed, searched and taken away as a file', async () => {
    await window.create(workload);
    await window.kubectl(['wait', '--for=condition=Available', 'deploy/web', '--timeout=120s']);
    await inDock('Deployment', 'web', 'l');
    const lines = dock().getByRole('log', { name: 'Lines' });
    await lines
      .getByText(/line \d+ from web-/)
      .first()
      .waitFor();
    const last = async (): Promise<string> =>
      (await lines.locator('.line').last().innerText()) ?? '';
    const seen = await last();
    await expect.poll(last, { timeout: minutes }).not.toBe(seen);
    await dock().getByLabel('Search in lines').fill('line 1 ');
    await dock().getByLabel('Search in lines').press('Enter');
    await dock()
      .getByText(/1 of \d/)
      .waitFor();
    const downloading = page.waitForEvent('download');
    await dock().getByRole('button', { name: 'Download' }).click();
    const file = await (await downloading).path();
    expect(await readFile(file, 'utf8')).toMatch(/line 0 from web-/);
    await look('logs-real');
  });

  test('a shell in a pod runs what is typed', async () => {
    await inDock('Pod', 'web-', 's');
    await dock().getByRole('textbox', { name: 'Terminal input' }).waitFor();
    await expect
      .poll(() =>
        dock()
          .getByText(/^Opening a shell/)
          .count(),
      )
      .toBe(0);
    await page.keyboard.type('echo $((6 * 7)) >/tmp/w/typed');
    await page.keyboard.press('Enter');
    const typed = ['exec', 'deploy/web', '--', 'cat', '/tmp/w/typed'];
    await expect
      .poll(async () => (await window.kubectl(typed)).stdout, { timeout: minutes })
      .toBe('42\n');
    await look('terminal-real');
  });

  test('a forwarded port follows the workload when its pod is replaced', async () => {
    await inDock('Deployment', 'web', 'f');
    const form = dock().getByRole('form', { name: 'Forward a port' });
    await form.getByRole('button', { name: 'Forward port' }).click();
    const link = dock().getByRole('link', { name: /127\.0\.0\.1:\d+/ });
    const url = (await link.getAttribute('href')) ?? '';
    const answer = async (): Promise<string> => {
      try {
        return (await (await fetch(url, { signal: AbortSignal.timeout(5_000) })).text()).trim();
      } catch (error) {
        return `no answer: ${(error as Error).message}`;
      }
    };
    await expect.poll(answer, { timeout: minutes }).toMatch(/^web-/);
    const first = await answer();
    await window.kubectl(['delete', 'pod', first]);
    await expect
      .poll(answer, { timeout: minutes })
      .toSatisfy((now: string) => now.startsWith('web-') && now !== first);
    await look('port-forward-real');
  });

  test('the end of the container before stays readable', async () => {
    const script = `[ -e /keep/ran ] && { echo the second run; sleep 100000; }
touch /keep/ran; echo the first run; exit 1`;
    await window.create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'crashing' },
      spec: {
        terminationGracePeriodSeconds: 0,
        volumes: [{ name: 'keep', emptyDir: {} }],
        containers: [
          {
            name: 'main',
            image: busyboxImage,
            imagePullPolicy: 'Never',
            command: ['sh', '-c', script],
            volumeMounts: [{ name: 'keep', mountPath: '/keep' }],
          },
        ],
      },
    });
    const logs = ['logs', 'crashing'];
    await expect
      .poll(async () => (await window.kubectl(logs)).stdout, { timeout: 2 * minutes })
      .toBe('the second run\n');
    await inDock('Pod', 'crashing', 'l');
    const lines = dock().getByRole('log', { name: 'Lines' });
    await lines.getByText('the second run').waitFor();
    await dock().getByRole('checkbox', { name: 'previous' }).check();
    await lines.getByText('the first run').waitFor();
    await window.kubectl(['delete', 'pod', 'crashing']);
  });
});

test(
  'it is removed in the window, step by step, and its machine is as it was',
  async () => {
    await window.go('n');
    await row('h1').click();
    const panel = page.getByRole('complementary', { name: 'Node h1' });
    await panel.getByRole('button', { name: 'Remove …' }).click();
    const removal = page.getByRole('region', { name: 'Remove h1' });
    await removal.getByText(/Everything that was done to ssh:\/\/admin@/).waitFor();
    await removal.getByText(/one pod leaves\s+within their budgets/).waitFor({ timeout: minutes });
    await removal.getByLabel('Key file').fill(hosts.keyFile);
    await look('node-remove');
    await removal.getByRole('button', { name: 'Remove h1' }).click();
    await removal
      .getByText('and its machine is as it was before.')
      .waitFor({ timeout: 3 * minutes });
    await removal.getByText('1 of 1 pods have gone.').waitFor();
    await removal.getByText('✓ service').waitFor();
    await look('node-removed');
    expect((await window.kubectl(['get', 'node', 'h1'])).stderr).toContain('not found');
    expect((await hosts.hosts[0]!.execute('systemctl cat pilothouse-agent')).code).not.toBe(0);
  },
  5 * minutes,
);

test('the page breaks no rule of its own policy and reports no error', () => {
  expect(window.complaints).toEqual([]);
});
