import { realpath } from 'node:fs/promises';
import { join } from 'node:path';

/** The real path of something within a folder; throws if links lead out of it. */
export async function insideFolder(folder: string, path: string): Promise<string> {
  const top = await realpath(folder);
  const real = await realpath(join(top, path));
  if (real === top || real.startsWith(`${top}/`)) return real;
  throw new Error(`"${path}" leads out of its volume; a link in it points elsewhere`);
}
