import { mkdir, open, stat } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { dirname } from 'node:path';

/** Sees to it that a path of the host is what the pod says it is, or makes it so. */
export async function checkHostPath(path: string, type: string): Promise<void> {
  switch (type) {
    case '':
      return;
    case 'DirectoryOrCreate':
      if (!(await found(path))) await mkdir(path, { recursive: true, mode: 0o755 });
      return await expectKind(path, 'a directory', (status) => status.isDirectory());
    case 'FileOrCreate':
      if (!(await found(path))) {
        if (!(await found(dirname(path))))
          throw new Error(`hostPath type check failed: no directory for ${path}`);
        await (await open(path, 'a', 0o644)).close();
      }
      return await expectKind(path, 'a file', (status) => status.isFile());
    case 'Directory':
      return await expectKind(path, 'a directory', (status) => status.isDirectory());
    case 'File':
      return await expectKind(path, 'a file', (status) => status.isFile());
    case 'Socket':
      return await expectKind(path, 'a socket file', (status) => status.isSocket());
    case 'CharDevice':
      return await expectKind(path, 'a character device', (status) => status.isCharacterDevice());
    case 'BlockDevice':
      return await expectKind(path, 'a block device', (status) => status.isBlockDevice());
    default:
      throw new Error(`${type} is an invalid volume type`);
  }
}

async function expectKind(
  path: string,
  what: string,
  matches: (status: Stats) => boolean,
): Promise<void> {
  const status = await found(path);
  if (!status || !matches(status))
    throw new Error(`hostPath type check failed: ${path} is not ${what}`);
}

async function found(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
