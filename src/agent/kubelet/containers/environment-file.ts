import { readFile } from 'node:fs/promises';
import type { FileKeySelector } from '#shared/api/types/core-v1.ts';
import { insideFolder } from '#agent/volumes/inside.ts';

const line = /^\s*([^=\s]+)\s*=\s*'([^']*)'/gmu;

/** One variable out of a file of `NAME='value'` lines, which lies in a volume of the pod. */
export async function readEnvironmentFile(
  { volumeName, path, key, optional = false }: FileKeySelector,
  folder: string | undefined,
): Promise<string | undefined> {
  if (folder === undefined) throw new Error(`cannot find the volume "${volumeName}"`);
  let text: string;
  try {
    text = await readFile(await insideFolder(folder, path), 'utf8');
  } catch (cause) {
    if (optional && (cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`couldn't read the environment file "${path}" of volume ${volumeName}`, {
      cause,
    });
  }
  for (const [, name, value] of text.matchAll(line)) if (name === key) return value;
  if (optional) return undefined;
  throw new Error(`environment variable key "${key}" not found in file "${path}"`);
}
