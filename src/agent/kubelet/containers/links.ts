import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';

/** Where log collectors look: a flat folder of links to the logs of all containers. */
export const logLinksFolder = '/var/log/containers';

interface NamedPod {
  readonly name: string;
  readonly namespace?: string | undefined;
}

export function logLinkName({ name, namespace }: NamedPod, container: string, id: string): string {
  const stem = `${name}_${namespace}_${container}`;
  return `${stem.slice(0, 255 - '-.log'.length - id.length)}-${id}.log`;
}

export async function linkLog(link: string, logPath: string): Promise<void> {
  await mkdir(logLinksFolder, { recursive: true, mode: 0o755 });
  const path = join(logLinksFolder, link);
  await unlinkLog(link);
  await symlink(logPath, path);
}

export async function unlinkLog(link: string): Promise<void> {
  await rm(join(logLinksFolder, link), { force: true });
}
