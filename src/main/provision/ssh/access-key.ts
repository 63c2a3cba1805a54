import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import ssh2 from 'ssh2';

export interface AccessKey {
  /** OpenSSH private key, in this file. */
  readonly path: string;
  readonly publicKey: string;
}

/**
 * The key by which a cluster attaches to its nodes; made where there is none. Commands that add nodes
 * at the same time get the same one.
 */
export async function openAccessKey(path: string): Promise<AccessKey> {
  const found = await readKey(path);
  if (found) return found;
  const pair = ssh2.utils.generateKeyPairSync('ed25519', { comment: 'pilothouse' });
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const fresh = `${path}.${randomUUID()}`;
  await writeFile(fresh, pair.private, { mode: 0o600 });
  try {
    // Whole or not at all, and never in place of another.
    await link(fresh, path);
    await writeFile(`${path}.pub`, `${pair.public}\n`, { mode: 0o600 });
    return { path, publicKey: pair.public };
  } catch (error) {
    const other = (error as NodeJS.ErrnoException).code === 'EEXIST' && (await readKey(path));
    if (other) return other;
    throw error;
  } finally {
    await rm(fresh, { force: true });
  }
}

async function readKey(path: string): Promise<AccessKey | undefined> {
  const text = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!text) return undefined;
  const key = ssh2.utils.parseKey(text);
  if (key instanceof Error)
    throw new Error(
      `Cannot use the cluster's key for its nodes in ${path}: ${key.message}; move the file away and add the nodes again`,
    );
  return { path, publicKey: `${key.type} ${key.getPublicSSH().toString('base64')} ${key.comment}` };
}
