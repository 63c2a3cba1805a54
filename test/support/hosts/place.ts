import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** What is worth keeping from run to run: base file systems and packages. */
export const cache = join(
  process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
  'pilothouse-test',
  'hosts',
);

/** What belongs to one run: a folder per network in use, with the process that uses it. */
export const runs = join(cache, 'run');

/**
 * Takes a name among processes: true once the folder is ours. What a process left behind that is
 * no more is handed over (`reclaim` cleans up after it).
 */
export async function claim(
  folder: string,
  reclaim: () => Promise<void> = async () => {},
): Promise<boolean> {
  await mkdir(join(folder, '..'), { recursive: true });
  const owner = join(folder, 'owner');
  try {
    await mkdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const pid = Number(await readFile(owner, 'utf8').catch(() => ''));
    if (pid === 0 || isAlive(pid)) return false;
    await reclaim();
    await rm(folder, { recursive: true, force: true });
    return claim(folder, reclaim);
  }
  await writeFile(owner, String(process.pid));
  return true;
}

/** Only one process at a time does this. */
export async function alone<T>(name: string, run: () => Promise<T>): Promise<T> {
  const folder = join(cache, `${name}.lock`);
  while (!(await claim(folder))) await new Promise((resolve) => setTimeout(resolve, 200));
  try {
    return await run();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What runs left behind that were killed. */
export async function abandoned(): Promise<readonly string[]> {
  const names = await readdir(runs).catch(() => []);
  const found: string[] = [];
  for (const name of names) {
    const pid = Number(await readFile(join(runs, name, 'owner'), 'utf8').catch(() => ''));
    if (pid > 0 && !isAlive(pid)) found.push(name);
  }
  return found;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // no such process: signal 0 only asks
  }
}
