import { spawn } from 'node:child_process';

/** Debian's places; a service's own PATH need not have the administrator's ones. */
const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** What the node's programs find when they are run. */
export const environment = { PATH: path, LC_ALL: 'C' } as const;

export interface ProgramOptions {
  readonly input?: string;
}

/** Runs one of the node's programs to its end. Throws an error with what it complained about. */
export type RunProgram = (
  program: string,
  args: readonly string[],
  options?: ProgramOptions,
) => Promise<string>;

export const runProgram: RunProgram = (program, args, { input } = {}) => {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(program, args, { env: environment });
  const output: Buffer[] = [];
  const complaints: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk));
  child.on('error', (error) => {
    reject(
      new Error(`Cannot run ${program}: ${error.message}; is it installed?`, { cause: error }),
    );
  });
  // One that ends early does not read on: its exit status says why.
  child.stdin.on('error', () => {});
  child.on('close', (code) => {
    if (code === 0) resolve(Buffer.concat(output).toString());
    else {
      const reason = Buffer.concat(complaints).toString().trim().slice(0, 2000);
      reject(new Error(`${program} ${args.join(' ')} failed (${String(code)}): ${reason}`));
    }
  });
  child.stdin.end(input);
  return promise;
};
