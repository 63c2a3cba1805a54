import { spawn } from 'node:child_process';

export interface ShellResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a program to its end, whatever that is. */
export function execute(
  command: string,
  args: readonly string[],
  { input = '', env = process.env }: { input?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<ShellResult> {
  const { promise, resolve, reject } = Promise.withResolvers<ShellResult>();
  const child = spawn(command, args, { env, stdio: 'pipe' });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  child.stdin.on('error', () => {}); // it may end without having read all
  child.stdin.end(input);
  child.once('error', (cause) => {
    reject(new Error(`Cannot run ${command}: ${cause.message}`, { cause }));
  });
  child.once('close', (code, signal) => {
    resolve({ code: code ?? 128, out, err: signal ? `${err}ended by ${signal}` : err });
  });
  return promise;
}

/** What the program prints; throws with its complaints where it fails. */
export async function mustExecute(
  command: string,
  args: readonly string[],
  options: { input?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const { code, out, err } = await execute(command, args, options);
  if (code === 0) return out;
  throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${err || out}`);
}

/** A few lines of shell that end at the first failure. */
export function shell(script: string): Promise<string> {
  return mustExecute('sh', ['-ec', script]);
}

/** For clean-up: what is not there need not be removed. */
export async function tryShell(script: string): Promise<void> {
  await execute('sh', ['-c', script]);
}
