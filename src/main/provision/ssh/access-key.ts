import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import ssh2 from 'ssh2';

export interface AccessKey {
  /** OpenSSH private key, in this file. */
  readonly path: string;
  readonly publicKey: string;
}

/** The key by which a cluster attaches to its nodes; made where there is none. */
export async function openAccessKey(path: string): Promise<AccessKey> {
  const found = await readFile(`${path}.pub`, 'utf8').catch(() => undefined); // not made yet
  if (found) return { path, publicKey: found.trim() };
  const pair = ssh2.utils.generateKeyPairSync('ed25519', { comment: 'pilothouse' });
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(path, pair.private, { mode: 0o600 });
  // Last: whoever finds it finds the private key, too.
  await writeFile(`${path}.pub`, `${pair.public}\n`, { mode: 0o600 });
  return { path, publicKey: pair.public };
}
