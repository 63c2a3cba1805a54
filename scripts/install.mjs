// Plain JavaScript for Node 20 and later: it runs before anything has been installed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export const root = join(import.meta.dirname, '..');
const bin = join(root, 'node_modules', '.bin');

/** The project's own Node 24, whatever Node started this script. */
export const node = join(bin, process.platform === 'win32' ? 'node.cmd' : 'node');

/** What the project's scripts run with: its own tools, and its own Node, come first. */
export const environment = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` };

/** Installs the packages of the lock file unless exactly these are there already. */
export function install() {
  const stamp = join(root, 'node_modules', '.installed');
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  console.error('Installing packages …');
  run('npm', ['ci', '--no-fund', '--no-audit', '--loglevel=error']);
  writeFileSync(stamp, wanted);
}

/** Runs a command to its end in the project's folder; ends this process with its status if it fails. */
export function run(command, args) {
  const { status, error, signal } = spawnSync(command, args, {
    cwd: root,
    env: environment,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (error) console.error(`Cannot run ${command}: ${error.message}`);
  if (status !== 0) {
    console.error(`${command} ${args.join(' ')} failed${signal ? ` (${signal})` : ''}`);
    process.exit(status ?? 1);
  }
}
