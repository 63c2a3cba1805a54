import {
  chmod,
  chown,
  lchown,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { randomInt } from 'node:crypto';
import { dirname, join } from 'node:path';

export interface ProjectedFile {
  readonly data: Buffer;
  readonly mode: number;
  /** Root unless stated. */
  readonly user?: number | undefined;
}

export type ProjectedFiles = ReadonlyMap<string, ProjectedFile>;

export interface AtomicOptions {
  readonly files: ProjectedFiles;
  readonly now: number;
  /** Called on the new folder before anybody sees it. */
  readonly own?: (folder: string) => Promise<void>;
}

const current = '..data';

/**
 * Writes files so that a reader sees all of the old ones or all of the new: they lie in a folder
 * named by the time, `..data` links to it, and what people read links through `..data`. Upstream's
 * AtomicWriter. Returns whether anything changed.
 */
export async function writeAtomically(
  folder: string,
  { files, now, own }: AtomicOptions,
): Promise<boolean> {
  const old = await readlink(join(folder, current)).catch(missing);
  if (old !== undefined && (await isSame(join(folder, old), files))) return false;
  const name = `..${stamp(now)}.${randomInt(1e9, 4e9)}`;
  const fresh = join(folder, name);
  await mkdir(fresh, { mode: 0o755 });
  await chmod(fresh, 0o755);
  for (const [path, file] of files) await writeOne(join(fresh, path), file);
  await own?.(fresh);
  await symlink(name, join(folder, '..data_tmp'));
  await rename(join(folder, '..data_tmp'), join(folder, current));
  await linkVisible(folder, files);
  if (old !== undefined) await rm(join(folder, old), { recursive: true, force: true });
  return true;
}

async function writeOne(path: string, { data, mode, user }: ProjectedFile): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  await writeFile(path, data, { mode });
  await chmod(path, mode);
  if (user !== undefined) await chown(path, user, -1);
}

/** Links what lies at the top through `..data`, and removes links to what is no more. */
async function linkVisible(folder: string, files: ProjectedFiles): Promise<void> {
  const wanted = new Map<string, number | undefined>();
  for (const [path, { user }] of files) {
    const [top = ''] = path.split('/');
    wanted.set(top, path === top ? user : undefined);
  }
  for (const [top, user] of wanted) {
    const link = join(folder, top);
    const isThere = await lstat(link).catch(missing);
    if (isThere) continue;
    await symlink(join(current, top), link);
    if (user !== undefined) await lchown(link, user, -1);
  }
  for (const name of await readdir(folder)) {
    if (!name.startsWith('..') && !wanted.has(name)) await rm(join(folder, name), { force: true });
  }
}

async function isSame(folder: string, files: ProjectedFiles): Promise<boolean> {
  const there = await readdir(folder, { recursive: true, withFileTypes: true }).catch(missing);
  if (!there) return false;
  const paths = there
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  if (paths.length !== files.size) return false;
  for (const path of paths) {
    const file = files.get(path);
    if (!file || !file.data.equals(await readFile(join(folder, path)))) return false;
  }
  return true;
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}

/** `2006_01_02_15_04_05`, in UTC. */
function stamp(now: number): string {
  return new Date(now).toISOString().slice(0, 19).replaceAll(/[-T:]/g, '_');
}
