import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { KubeletContext } from '../context.ts';
import { isRunning, type RuntimeState } from '../runtime-state.ts';

const maxBytes = 10 * 1024 * 1024;
const maxFiles = 5;

/** Begins a new log for every running container whose log has grown too large, and keeps a few old ones. */
export async function rotateLogs(context: KubeletContext, state: RuntimeState): Promise<void> {
  for (const { containers } of state.pods()) {
    for (const { id, logPath } of containers.filter(isRunning)) {
      const size = logPath ? await sizeOf(logPath) : 0;
      if (size > maxBytes) await rotate(context, id, logPath);
    }
  }
}

async function sizeOf(path: string): Promise<number> {
  return await stat(path).then(
    ({ size }) => size,
    () => 0, // the container has been removed meanwhile
  );
}

async function rotate(
  { runtime, clock }: KubeletContext,
  containerId: string,
  logPath: string,
): Promise<void> {
  const old = await rotatedLogs(logPath);
  for (const path of old.slice(0, Math.max(0, old.length - (maxFiles - 2)))) await rm(path);
  // The newest stays as it is: somebody may still be reading it.
  for (const path of old.slice(-(maxFiles - 2))) if (!path.endsWith('.gz')) await compress(path);
  const rotated = `${logPath}.${stamp(clock.now())}`;
  await rename(logPath, rotated);
  try {
    await runtime.reopenContainerLog({ containerId });
  } catch (error) {
    await rename(rotated, logPath);
    throw error;
  }
}

/** The oldest first. */
async function rotatedLogs(logPath: string): Promise<string[]> {
  const folder = dirname(logPath);
  const names = await readdir(folder);
  return names
    .filter((name) => name.startsWith(`${basename(logPath)}.`) && !name.endsWith('.tmp'))
    .sort()
    .map((name) => join(folder, name));
}

async function compress(path: string): Promise<void> {
  const temporary = `${path}.tmp`;
  await pipeline(
    createReadStream(path),
    createGzip(),
    createWriteStream(temporary, { mode: 0o640 }),
  );
  const { mode } = await stat(path);
  await chmod(temporary, mode & 0o777);
  await rename(temporary, `${path}.gz`);
  await rm(path);
}

/** `20060102-150405`. */
function stamp(now: number): string {
  return new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
}
