import { execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one kubectl command to its end, whatever its exit code. */
export type Kubectl = (args: readonly string[], input?: string) => Promise<Finished>;

export function kubectlOn(
  binary: string,
  kubeconfig: string,
  env: NodeJS.ProcessEnv = {},
): Kubectl {
  return (args, input) =>
    new Promise((resolve) => {
      const child = execFile(
        binary,
        ['--kubeconfig', kubeconfig, ...args],
        { env: { ...process.env, ...env }, maxBuffer: 64 << 20, timeout: 60_000 },
        (error, stdout, stderr) =>
          resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr }),
      );
      // A command that fails at once does not read: its exit code tells.
      child.stdin?.on('error', () => {});
      child.stdin?.end(input ?? '');
    });
}

/** Runs a kubectl command that does not end by itself; `until` sees all output so far. */
export async function follow(
  command: { readonly binary: string; readonly args: readonly string[] },
  until: (output: string) => boolean,
): Promise<string> {
  const child = spawn(command.binary, command.args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  let output = '';
  for await (const chunk of child.stdout) {
    output += String(chunk);
    if (until(output)) break;
  }
  child.kill();
  await ended;
  return output;
}

/** The kubectl on the PATH, and Debian's own (an old one: 1.20 in bookworm) where apt can fetch it. */
export function kubectls(): readonly { readonly name: string; readonly binary: string }[] {
  const found = [{ name: 'kubectl on the PATH', binary: 'kubectl' }];
  if (!existsSync('/etc/debian_version')) return found;
  const cache = join(homedir(), '.cache/pilothouse-test/kubectl');
  const binary = join(cache, 'usr/bin/kubectl');
  if (!existsSync(binary)) {
    mkdirSync(cache, { recursive: true });
    execFileSync('sh', ['-c', 'apt-get -qq download kubernetes-client && dpkg-deb -x *.deb .'], {
      cwd: cache,
      stdio: 'pipe',
    });
  }
  return [...found, { name: "Debian's kubectl", binary }];
}
