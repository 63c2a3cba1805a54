import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { _electron as electron, type ElectronApplication, type Page } from 'playwright-core';
import { freePort } from '../pilothouse.ts';
import { electronDist, needsNode } from './dist.ts';

const root = join(import.meta.dirname, '../../..');

export interface Shell extends AsyncDisposable {
  readonly app: ElectronApplication;
  readonly page: Page;
  readonly process: ChildProcess;
  readonly kubeconfig: string;
  /** All that it has printed so far. */
  readonly output: () => string;
  /** The process that runs the cluster, once there is one. */
  clusterProcess(): Promise<number>;
  /** Starts the shell once more beside it, as a second click on the icon would; resolves with its exit code. */
  startAgain(): Promise<number | null>;
}

/** Runs the built desktop shell on a screen of its own, with a home and a profile of its own. */
export async function startShell(flags: readonly string[]): Promise<Shell> {
  await using stack = new AsyncDisposableStack();
  const home = await mkdtemp(join(tmpdir(), 'pilothouse-shell-'));
  stack.defer(() => rm(home, { recursive: true, force: true, maxRetries: 5 }));
  const display = stack.use(await startScreen());
  const dist = await electronDist();
  // Playwright finds Electron by this, and holds `ready` back until it listens.
  process.env['ELECTRON_OVERRIDE_DIST_PATH'] = dist;
  const env = {
    ...(process.env as Record<string, string>),
    DISPLAY: display.name,
    PILOTHOUSE_HOME: home,
    ...(needsNode(dist) && { PILOTHOUSE_NODE: process.execPath }),
  };
  const ports = ['--port', String(await freePort()), '--etcd-port', '0'];
  const args = [`--user-data-dir=${join(home, 'profile')}`, root, '--', ...ports, ...flags];
  const app = await electron.launch({ args, env, cwd: root });
  const child = app.process();
  stack.defer(() => endOf(child));
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => void (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => void (output += chunk.toString()));
  const page = await app.firstWindow();
  const owned = stack.move();
  return {
    app,
    page,
    process: child,
    kubeconfig: join(home, 'clusters/default/kubeconfig'),
    output: () => output,
    clusterProcess: () => clusterProcess(child.pid!),
    startAgain: () => startAgain(join(dist, 'electron'), args, env),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Whether the process is there, and no zombie. */
export function isAlive(pid: number): boolean {
  try {
    return !execFileSync('ps', ['-o', 'stat=', '-p', String(pid)])
      .toString()
      .startsWith('Z');
  } catch {
    // ps ends with 1 when there is no such process.
    return false;
  }
}

/** All processes that descend from this one. */
export async function descendants(pid: number): Promise<number[]> {
  const parents = new Map<number, number>();
  for (const entry of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
    const parent = / [A-Z] (\d+)/.exec(stat.slice(stat.lastIndexOf(')')))?.[1];
    if (parent) parents.set(Number(entry), Number(parent));
  }
  const found = [pid];
  for (const each of found) {
    for (const [child, parent] of parents) if (parent === each) found.push(child);
  }
  return found.slice(1);
}

async function clusterProcess(shell: number): Promise<number> {
  for (const pid of await descendants(shell)) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.includes('supervised.js') || line.includes('node.mojom.NodeService')) return pid;
  }
  throw new Error('the shell runs no cluster');
}

async function startAgain(
  binary: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<number | null> {
  const child = spawn(binary, ['--no-sandbox', ...args], { env, stdio: 'ignore' });
  return new Promise((resolve, reject) => {
    child.once('exit', resolve);
    child.once('error', reject);
  });
}

/** A screen that nobody sees. */
async function startScreen(): Promise<{ readonly name: string } & AsyncDisposable> {
  const args = ['-displayfd', '3', '-nolisten', 'tcp', '-screen', '0', '1280x800x24'];
  const child = spawn('Xvfb', args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  const number = await new Promise<string>((resolve, reject) => {
    child.stdio[3]!.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()));
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`Xvfb ended with ${code}`)));
  });
  return { name: `:${number}`, [Symbol.asyncDispose]: () => endOf(child) };
}

async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}
