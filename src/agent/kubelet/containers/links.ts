import { mkdir, symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '#shared/api/types/core-v1.ts';

/** Where log collectors look: a flat folder of links to the logs of all containers. */
export const logLinksFolder = '/var/log/containers';

export function logLinkName(pod: Pod, container: string, id: string): string {
  const { name, namespace } = pod.metadata;
  const stem = `${name}_${namespace}_${container}`;
  return `${stem.slice(0, 255 - '-.log'.length - id.length)}-${id}.log`;
}

export async function linkLog(link: string, logPath: string): Promise<void> {
  await mkdir(logLinksFolder, { recursive: true, mode: 0o755 });
  const path = join(logLinksFolder, link);
  await unlink(path).catch(() => undefined); // most often there is none yet
  await symlink(logPath, path);
}
