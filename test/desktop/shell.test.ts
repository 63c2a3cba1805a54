import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kubectlOn } from '../support/kubectl.ts';
import { descendants, isAlive, startShell, type Shell } from '../support/electron/shell.ts';

/** The desktop shell in a real Electron, as a person runs it: one window, one cluster, from start to quit. */

let shell: Shell;
const complaints: string[] = [];

const status = (text: RegExp): Promise<void> =>
  shell.page.getByRole('status').filter({ hasText: text }).waitFor({ timeout: 15_000 });

beforeAll(async () => {
  shell = await startShell(['--simulated-nodes', '3']);
  shell.page.on('pageerror', (error) => complaints.push(error.message));
});
afterAll(() => shell?.[Symbol.asyncDispose]());

test('the window comes up live and shows the cluster’s nodes, started with the flags it was given', async () => {
  await status(/live/);
  await shell.page.getByRole('navigation').getByRole('button', { name: 'Nodes' }).click();
  const rows = shell.page.getByRole('row', { name: /simulated-\d/ });
  await expect.poll(() => rows.count(), { timeout: 10_000 }).toBe(3);
  const { stdout } = await kubectlOn('kubectl', shell.kubeconfig)(['get', 'nodes', '-o', 'name']);
  expect(stdout.trim().split('\n')).toHaveLength(3);
});

test('the page has no Node, evaluates no text and reaches no other place', async () => {
  const { page } = shell;
  expect(
    await page.evaluate(() => ({
      require: typeof Reflect.get(globalThis, 'require'),
      process: typeof Reflect.get(globalThis, 'process'),
      electron: typeof Reflect.get(globalThis, 'electron'),
      isSecure: isSecureContext,
    })),
  ).toEqual({ require: 'undefined', process: 'undefined', electron: 'undefined', isSecure: true });
  const preferences = await shell.app.evaluate(({ BrowserWindow }) => {
    const { webContents } = BrowserWindow.getAllWindows()[0]!;
    const own = webContents as unknown as { getLastWebPreferences(): Record<string, unknown> };
    const { sandbox, contextIsolation, nodeIntegration, webSecurity } = own.getLastWebPreferences();
    return { sandbox, contextIsolation, nodeIntegration, webSecurity };
  });
  expect(preferences).toEqual({
    sandbox: true,
    contextIsolation: true,
    nodeIntegration: false,
    webSecurity: true,
  });
});

test('the page’s policy refuses text as code, scripts in the page and foreign addresses', async () => {
  const refused = await shell.page.evaluate(`(async () => {
    const seen = [];
    addEventListener('securitypolicyviolation', (event) => seen.push(event.effectiveDirective));
    const script = document.createElement('script');
    script.textContent = 'globalThis.wasRun = true';
    document.head.append(script);
    script.remove();
    await fetch('https://example.invalid/').catch(() => {});
    setTimeout('globalThis.wasRun = true');
    await new Promise((resolve) => setTimeout(resolve, 100));
    return { seen: seen.sort(), wasRun: globalThis.wasRun };
  })()`);
  expect(refused).toEqual({
    seen: ['connect-src', 'script-src', 'script-src-elem'],
    wasRun: undefined,
  });
});

test('the page goes nowhere else and opens no window', async () => {
  const { page, app } = shell;
  const before = page.url();
  const opened = await page.evaluate(`(() => {
    const other = open('http://127.0.0.1:9/');
    location.href = 'http://127.0.0.1:9/';
    return other;
  })()`);
  await page.waitForTimeout(200);
  expect(opened).toBeNull();
  expect(page.url()).toBe(before);
  expect(app.windows()).toHaveLength(1);
  await page.reload();
  await status(/live/);
});

test('frames that no honest page sends are refused and told of, and the window lives on', async () => {
  await shell.page.evaluate(`(async () => {
    const port = await new Promise((resolve) => {
      addEventListener('message', function receive({ data, ports }) {
        if (data !== 'pilothouse-port') return;
        removeEventListener('message', receive);
        resolve(ports[0]);
      });
      postMessage('pilothouse-connect', location.origin);
    });
    port.postMessage({ type: 'request', id: 1, method: 'health', input: {} });
    port.postMessage('x'.repeat(5 << 20));
  })()`);
  await expect.poll(shell.output).toMatch(/Refused[^]*Refused/);
  await status(/live/);
});

test('a second start brings the first window to the front and ends', async () => {
  await shell.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.hide());
  expect(await shell.startAgain()).toBe(0);
  await expect
    .poll(() =>
      shell.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.isVisible()),
    )
    .toBe(true);
  expect(shell.app.windows()).toHaveLength(1);
});

test('the cluster’s process killed: the window says so, and recovers with what it had', async () => {
  const kubectl = kubectlOn('kubectl', shell.kubeconfig);
  await kubectl(['create', 'configmap', 'survivor']);
  const first = await shell.clusterProcess();
  process.kill(first, 'SIGKILL');
  await status(/trying again/);
  await status(/live/);
  expect(await shell.clusterProcess()).not.toBe(first);
  expect((await kubectl(['get', 'configmap', 'survivor'])).code).toBe(0);
});

test('the machine’s suspend and resume stop the cluster’s time', async () => {
  const file = join(dirname(shell.kubeconfig), 'sleeps.json');
  const power = (event: 'suspend' | 'resume'): Promise<boolean> =>
    shell.app.evaluate(({ powerMonitor }, name) => powerMonitor.emit(name), event);
  await power('suspend');
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  await power('resume');
  const longest = async (): Promise<number> => {
    const text = await readFile(file, 'utf8').catch(() => '[]');
    const sleeps = JSON.parse(text) as readonly { from: number; until: number }[];
    return Math.max(0, ...sleeps.map(({ from, until }) => until - from));
  };
  // Written once the nodes have reported after the last start, too.
  await expect.poll(longest, { timeout: 30_000 }).toBeGreaterThan(2_000);
  await expect
    .poll(async () => {
      const { stdout } = await kubectlOn('kubectl', shell.kubeconfig)(['get', 'nodes']);
      return stdout.match(/ Ready /g)?.length;
    })
    .toBe(3);
}, 60_000);

test('the window closed, the cluster runs on; asked for again, it is there', async () => {
  const { app } = shell;
  const next = app.waitForEvent('window');
  await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.close());
  expect((await kubectlOn('kubectl', shell.kubeconfig)(['get', 'nodes'])).code).toBe(0);
  await app.evaluate(({ app }) => app.emit('activate'));
  await (await next).getByRole('status').filter({ hasText: 'live' }).waitFor();
});

test('quitting ends the cluster cleanly and leaves no process behind', async () => {
  const all = await descendants(shell.process.pid!);
  expect(all).toContain(await shell.clusterProcess());
  const ended = new Promise((resolve) => shell.process.once('exit', resolve));
  await shell.app.evaluate(({ app }) => app.quit());
  expect(await ended).toBe(0);
  await expect.poll(() => all.filter(isAlive), { timeout: 5_000 }).toEqual([]);
  expect(shell.output()).toContain('Stopping');
  expect(complaints).toEqual([]);
});
