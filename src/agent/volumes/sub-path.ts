import { lstat, mkdir, open, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { insideFolder } from './inside.ts';
import type { Mounts } from './mounts.ts';

export interface SubPathBind {
  /** The volume's folder. */
  readonly path: string;
  readonly isReadOnly: boolean;
  readonly subPath: string;
  readonly target: string;
}

/** Binds a part of a volume to a place that only the kubelet can change, made there if it is missing. */
export async function bindSubPath(
  mounts: Mounts,
  { path, isReadOnly, subPath, target }: SubPathBind,
): Promise<void> {
  if (subPath.split('/').includes('..') || subPath.startsWith('/'))
    throw new Error(`subPath "${subPath}" must be a path within the volume, without ".."`);
  if ((await mounts.below(target)).includes(target)) return;
  if (!isReadOnly) await makeInside(path, subPath);
  const source = await insideFolder(path, subPath);
  await mkdir(dirname(target), { recursive: true, mode: 0o750 });
  if ((await stat(source)).isDirectory()) await mkdir(target, { recursive: true, mode: 0o750 });
  else await (await open(target, 'a', 0o640)).close();
  await mounts.bind(source, target);
}

/** Step by step, so that a link on the way cannot make folders elsewhere; as open as the volume itself. */
async function makeInside(volume: string, subPath: string): Promise<void> {
  const { mode } = await stat(volume);
  let at = '';
  for (const part of subPath.split('/').filter(Boolean)) {
    const parent = await insideFolder(volume, at);
    const next = join(parent, part);
    const isThere = await lstat(next).then(
      () => true,
      () => false,
    );
    if (!isThere) await makeFolder(next, mode & 0o777);
    at = join(at, part);
  }
}

async function makeFolder(path: string, mode: number): Promise<void> {
  await mkdir(path, { mode });
  const handle = await open(path, 'r');
  try {
    await handle.chmod(mode);
  } finally {
    await handle.close();
  }
}
