// Plain JavaScript for Node 20 and later. Bundles what `pilothouse` runs into out/cli (one file loads
// several times faster than six hundred), the shell into out/main and the window's page into out/renderer.
import { existsSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { node, root, run } from './install.mjs';

const stamp = join(root, 'out', 'cli', '.built');

/** The bundled command line. */
export const entry = join(root, 'out', 'cli', 'cli.js');

/** Builds the command line unless nothing has changed since it was built last. */
export function build() {
  const builtAt = existsSync(stamp) ? statSync(stamp).mtimeMs : 0;
  const sources = ['src', 'scripts/bundle.mjs', 'electron.vite.config.ts', 'package-lock.json'];
  const newest = Math.max(...sources.map((path) => newestIn(join(root, path))));
  if (newest < builtAt) return;
  const startedAt = new Date();
  console.error('Building …');
  run(node, ['scripts/generate-api.ts']);
  run(node, ['scripts/bundle.mjs']);
  run('electron-vite', ['build', '--logLevel', 'warn']);
  writeFileSync(stamp, '');
  // What is saved while the build runs is newer than the build.
  utimesSync(stamp, startedAt, startedAt);
}

function newestIn(path) {
  const { mtimeMs } = statSync(path);
  if (!statSync(path).isDirectory()) return mtimeMs;
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile() && !file.parentPath.endsWith('types'))
    .reduce(
      (newest, file) => Math.max(newest, statSync(join(file.parentPath, file.name)).mtimeMs),
      0,
    );
}
