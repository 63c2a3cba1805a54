/** A machine to log in to. */
export interface SshTarget {
  readonly user: string;
  readonly host: string;
  readonly port: number;
}

/** Understands `ssh://user@host[:port]`. Throws with what is missing. */
export function parseTarget(text: string): SshTarget {
  const wanted = 'write it as ssh://user@host or ssh://user@host:port';
  if (!URL.canParse(text) || !text.startsWith('ssh://'))
    throw new Error(`Cannot understand the machine "${text}": ${wanted}`);
  const { username, password, hostname, port, pathname } = new URL(text);
  if (!username) throw new Error(`No user is named in "${text}": ${wanted}`);
  if (password)
    throw new Error('A password does not belong into an address: leave it out, you will be asked');
  if (!hostname || pathname.length > 1) throw new Error(`Cannot understand "${text}": ${wanted}`);
  const host = hostname.replace(/^\[|\]$/g, '');
  return { user: decodeURIComponent(username), host, port: port === '' ? 22 : Number(port) };
}

export function describeTarget({ user, host, port }: SshTarget): string {
  const address = host.includes(':') ? `[${host}]` : host;
  return `${user}@${address}${port === 22 ? '' : `:${port}`}`;
}
