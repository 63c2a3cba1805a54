import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

export interface Pilothouse extends AsyncDisposable {
  readonly home: string;
  readonly port: number;
  readonly kubeconfig: string;
  readonly process: ChildProcess;
  /** With the one-time token; only where the window is served. */
  readonly windowUrl: string | undefined;
  /** All that it has printed so far. */
  readonly output: () => string;
}

export interface PilothouseOptions {
  /** A home to come back to; a fresh one, removed in the end, unless given. */
  readonly home?: string;
  readonly port?: number;
  /** Two unless stated; what comes up by itself where nothing is said to `up`. */
  readonly simulatedNodes?: number | 'unsaid';
  readonly args?: readonly string[];
  /** What is run, from the project's folder; the sources unless stated. */
  readonly entry?: string;
  /** Serve the window, too; the renderer must have been built. */
  readonly window?: boolean;
}

/** Runs `pilothouse up` as a user would, in a home of its own, until it says that it is ready. */
export async function startPilothouse(options: PilothouseOptions = {}): Promise<Pilothouse> {
  const home = options.home ?? (await mkdtemp(join(tmpdir(), 'pilothouse-')));
  const port = options.port ?? (await freePort());
  const { simulatedNodes = 2, args = [], window = false, entry = 'src/main/cli.ts' } = options;
  const child = spawn(
    process.execPath,
    [
      join(root, entry),
      'up',
      ...(window ? [] : ['--no-window']),
      '--port',
      String(port),
      ...(simulatedNodes === 'unsaid' ? [] : ['--simulated-nodes', String(simulatedNodes)]),
      ...args,
    ],
    { env: { ...process.env, PILOTHOUSE_HOME: home }, stdio: ['pipe', 'pipe', 'pipe'] },
  );
  let output = '';
  const ready = Promise.withResolvers<void>();
  const collect = (chunk: Buffer): void => {
    output += chunk.toString();
    if ((window ? /token=/ : /kubeconfig/).test(output)) ready.resolve();
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  child.once('exit', (code) =>
    ready.reject(new Error(`pilothouse up ended (${code}):\n${output}`)),
  );
  await ready.promise;
  return {
    home,
    port,
    kubeconfig: join(home, 'clusters/default/kubeconfig'),
    process: child,
    windowUrl: /http:\/\/127\.0\.0\.1:\d+\/\?token=\S+/.exec(output)?.[0],
    output: () => output,
    async [Symbol.asyncDispose]() {
      await stop(child, 'SIGTERM');
      if (!options.home) await rm(home, { recursive: true, force: true });
    },
  };
}

/** Sends the signal and waits for the end. */
export async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await ended;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('no port was given');
  return address.port;
}
