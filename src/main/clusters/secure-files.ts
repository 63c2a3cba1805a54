import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Makes the folder and its parents, readable by its owner only. */
export async function makePrivateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
}

/** The file's text, or nothing if there is no such file. */
export async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw new Error(`Cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
}

/**
 * Replaces the file as a whole: whoever reads it, and whoever finds it after a crash, sees the old
 * content or the new, never a part. Mode 0600 unless stated.
 */
export async function writeAtomically(path: string, content: string, mode = 0o600): Promise<void> {
  const folder = dirname(path);
  const scratch = `${path}.${randomUUID()}.tmp`;
  await makePrivateFolder(folder);
  try {
    await using file = await open(scratch, 'wx', mode);
    await file.writeFile(content);
    await file.sync();
    await rename(scratch, path);
  } catch (cause) {
    await rm(scratch, { force: true });
    throw new Error(`Cannot write ${path}: ${(cause as Error).message}`, { cause });
  }
  await using parent = await open(folder, 'r');
  await parent.sync();
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
