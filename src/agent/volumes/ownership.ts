import { chmod, chown, lchown, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const setGroup = 0o2000;
const enter = 0o110;

/**
 * Gives a volume to a group: all below it belongs to the group, which may read it and, unless the
 * volume is read-only, write it; what is made in it later belongs to the group as well.
 */
export async function giveToGroup(
  path: string,
  group: number,
  { readOnly }: { readonly readOnly: boolean },
): Promise<void> {
  const status = await lstat(path);
  if (status.isSymbolicLink()) {
    await lchown(path, status.uid, group);
    return;
  }
  await chown(path, status.uid, group);
  const access = readOnly ? 0o440 : 0o660;
  const more = status.isDirectory() ? access | setGroup | enter : access;
  await chmod(path, (status.mode & 0o7777) | more);
  if (!status.isDirectory()) return;
  for (const name of await readdir(path)) await giveToGroup(join(path, name), group, { readOnly });
}
