import { createHash, createHmac } from 'node:crypto';

/** A line of a `known_hosts` file, as sshd(8) describes it under SSH_KNOWN_HOSTS FILE FORMAT. */
export interface KnownHost {
  readonly hosts: string;
  readonly marker: 'revoked' | 'cert-authority' | undefined;
  readonly type: string;
  /** Base64 of the public key. */
  readonly key: string;
}

export type HostKeyVerdict = 'known' | 'unknown' | 'changed' | 'revoked';

export interface ShownKey {
  readonly host: string;
  readonly port: number;
  /** As it came over the wire. */
  readonly key: Buffer;
}

const defaultPort = 22;

export function parseKnownHosts(text: string): readonly KnownHost[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const marker = fields[0]?.startsWith('@') ? fields.shift()!.slice(1) : undefined;
    const [hosts, type, key] = fields;
    if (!hosts || hosts.startsWith('#') || !type || !key) return [];
    if (marker !== undefined && marker !== 'revoked' && marker !== 'cert-authority') return [];
    return [{ hosts, marker, type, key }];
  });
}

/** What the files say about a key that a machine shows. */
export function judgeHostKey(known: readonly KnownHost[], shown: ShownKey): HostKeyVerdict {
  const key = shown.key.toString('base64');
  const own = entriesOf(known, shown);
  if (own.some((entry) => entry.marker === 'revoked' && entry.key === key)) return 'revoked';
  const plain = own.filter(({ marker }) => marker === undefined);
  if (plain.some((entry) => entry.key === key)) return 'known';
  return plain.length > 0 ? 'changed' : 'unknown';
}

/** The kinds of keys that are known of a machine: to be asked for first, so that they can be compared. */
export function knownKeyTypes(
  known: readonly KnownHost[],
  address: { readonly host: string; readonly port: number },
): readonly string[] {
  const plain = entriesOf(known, address).filter(({ marker }) => marker === undefined);
  return [...new Set(plain.map(({ type }) => type))];
}

/** A line to remember a key by. */
export function knownHostLine({ host, port, key }: ShownKey): string {
  return `${nameOf({ host, port })} ${keyType(key)} ${key.toString('base64')}\n`;
}

/** `SHA256:…`, as OpenSSH prints it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** `ssh-ed25519` and so on: a key on the wire begins with its type's length and name. */
export function keyType(key: Buffer): string {
  return key.subarray(4, 4 + key.readUInt32BE(0)).toString('latin1');
}

function entriesOf(
  known: readonly KnownHost[],
  address: { readonly host: string; readonly port: number },
): readonly KnownHost[] {
  const name = nameOf(address);
  return known.filter(({ hosts }) => names(hosts, name));
}

function nameOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return port === defaultPort ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
}

/** Hashed names, lists, `*` and `?`, and `!` for what is not meant. */
function names(hosts: string, name: string): boolean {
  if (hosts.startsWith('|1|')) {
    const [, , salt = '', hash] = hosts.split('|');
    return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash;
  }
  const patterns = hosts.toLowerCase().split(',');
  const isMeant = (pattern: string): boolean => wildcard(pattern).test(name);
  if (patterns.some((pattern) => pattern.startsWith('!') && isMeant(pattern.slice(1))))
    return false;
  return patterns.some((pattern) => !pattern.startsWith('!') && isMeant(pattern));
}

function wildcard(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`);
}
