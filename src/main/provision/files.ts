import { createHash } from 'node:crypto';
import { quoted, runOn, type Machine } from '#main/provision/machine.ts';

/** A file as it should be on a machine. */
export interface RemoteFile {
  readonly path: string;
  /** Octal: `600`. */
  readonly mode: string;
  readonly content: string;
}

/** Those that are missing there or are not as they should be. */
export async function differing(
  machine: Machine,
  files: readonly RemoteFile[],
): Promise<readonly RemoteFile[]> {
  const asks = files.map(
    ({ path }) =>
      `echo "$(stat -c %a ${quoted(path)} 2>/dev/null) $(sha256sum <${quoted(path)} 2>/dev/null | cut -c1-64)"`,
  );
  const lines = (await runOn(machine, asks.join('\n'))).split('\n');
  return files.filter(({ mode, content }, at) => lines[at] !== `${mode} ${sha256(content)}`);
}

/** Each is replaced as a whole; folders on the way are made. Contents travel on standard input only. */
export async function writeFiles(machine: Machine, files: readonly RemoteFile[]): Promise<void> {
  const input = files.map(
    ({ path, mode, content }) => `${path}\t${mode}\t${Buffer.from(content).toString('base64')}\n`,
  );
  await runOn(
    machine,
    `umask 077
tab=$(printf '\\t')
while IFS="$tab" read -r path mode data; do
  [ -d "$(dirname "$path")" ] || { mkdir -p -m 755 "$(dirname "$path")"; }
  echo "$data" | base64 -d >"$path.new"
  chmod $mode "$path.new"
  mv "$path.new" "$path"
done`,
    { input: input.join('') },
  );
}

/** Content and mode, or nothing where there is no such file. */
export async function readFile(machine: Machine, path: string): Promise<RemoteFile | undefined> {
  const out = await runOn(
    machine,
    `[ -e ${quoted(path)} ] || exit 0; stat -c %a ${quoted(path)}; base64 -w0 ${quoted(path)}`,
  );
  const [mode, data = ''] = out.trim().split('\n');
  if (!mode) return undefined;
  return { path, mode, content: Buffer.from(data, 'base64').toString() };
}

export async function removeFiles(machine: Machine, paths: readonly string[]): Promise<void> {
  await runOn(machine, `rm -rf ${paths.map(quoted).join(' ')}`);
}

export function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
