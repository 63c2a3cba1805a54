import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  fingerprint,
  judgeHostKey,
  keyType,
  knownHostLine,
  knownKeyTypes,
  parseKnownHosts,
  type KnownHost,
  type ShownKey,
} from '#main/provision/ssh/known-hosts.ts';
import type { Questions } from '#main/provision/ssh/questions.ts';

export interface HostKeyFiles {
  /** Ours: what is trusted on first use is remembered here. */
  readonly own: string;
  /** The user's own; read, never written. */
  readonly others: readonly string[];
}

export interface HostKeys {
  /** Key types to ask the machine for first. */
  types(address: { readonly host: string; readonly port: number }): readonly string[];
  /** Resolves when the key is trusted; throws saying why it is not. */
  check(shown: ShownKey): Promise<void>;
}

/** Trust on first use, with the fingerprint shown; a key that changed is never accepted. */
export async function openHostKeys(files: HostKeyFiles, questions: Questions): Promise<HostKeys> {
  const texts = await Promise.all([files.own, ...files.others].map(readIfThere));
  const known: KnownHost[] = texts.flatMap((text) => [...parseKnownHosts(text)]);
  return {
    types: (address) => knownKeyTypes(known, address),
    async check(shown) {
      const { host, key } = shown;
      const print = `${keyType(key)} ${fingerprint(key)}`;
      switch (judgeHostKey(known, shown)) {
        case 'known':
          return;
        case 'revoked':
          throw new Error(
            `The key that ${host} shows (${print}) is marked as revoked in known_hosts`,
          );
        case 'changed':
          throw new Error(
            `The key of ${host} has changed: it shows ${print}, which is none of those known. Somebody may be listening in, or the machine was set up anew; if it was, remove its line from ${files.own} and ${files.others.join(', ')}`,
          );
        case 'unknown': {
          const isTrusted = await questions.confirm(
            `The machine ${host} is not known yet. Its key is\n  ${print}\nIs that right? `,
          );
          if (!isTrusted)
            throw new Error(
              `The key of ${host} (${print}) is not trusted: compare it with "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" on the machine, then confirm it`,
            );
          await mkdir(dirname(files.own), { recursive: true, mode: 0o700 });
          await appendFile(files.own, knownHostLine(shown), { mode: 0o600 });
          known.push(...parseKnownHosts(knownHostLine(shown)));
        }
      }
    },
  };
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new Error(`Cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
}
