import { createHash } from 'node:crypto';
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cache } from '../hosts/place.ts';
import { execute, mustExecute } from '../hosts/shell.ts';
import { pauseImage, pauseProgram } from './pause.ts';

/** What scenarios call `$BUSYBOX`. */
export const busyboxImage = 'registry.test/busybox:1';
/** `$AGNHOST`: as much of upstream's test program as scenarios need. */
export const agnhostImage = 'registry.test/agnhost:1';
/** `$NONROOT`: runs as a user with a number unless told otherwise. */
export const nonRootImage = 'registry.test/nonroot:1';

/** Archives, as `docker save` makes them, of all images that scenarios need; made once. */
export async function imageArchives(): Promise<readonly string[]> {
  return [
    await archive('busybox', busyboxImage, { fill: fillBusybox, config: { Cmd: ['sh'] } }),
    await archive('agnhost', agnhostImage, {
      fill: fillAgnhost,
      config: { Entrypoint: ['/agnhost'], Cmd: ['pause'] },
    }),
    await archive('nonroot', nonRootImage, {
      fill: fillBusybox,
      config: { Cmd: ['id'], User: '1234' },
    }),
    await archive('pause', pauseImage, { fill: fillPause, config: { Cmd: ['/pause'] } }),
  ];
}

interface Contents {
  /** Puts the files into `root`; there is scratch space beside it. */
  readonly fill: (root: string, scratch: string) => Promise<void>;
  /** How it is run. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** Changes with what the archives hold. */
const edition = 4;

async function archive(name: string, reference: string, contents: Contents): Promise<string> {
  const folder = join(cache, 'kubelet-images');
  const made = join(folder, `${name}-${edition}.tar`);
  if (await exists(made)) return made;
  await mkdir(folder, { recursive: true });
  const scratch = await mkdtemp(join(tmpdir(), `${name}-`));
  try {
    const root = join(scratch, 'root');
    await mkdir(root);
    await contents.fill(root, scratch);
    await pack(root, scratch, { reference, config: contents.config });
    await mustExecute('tar', ['-C', join(scratch, 'image'), '-cf', `${made}.new`, '.']);
    await rename(`${made}.new`, made);
    return made;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function fillPause(root: string): Promise<void> {
  await writeFile(join(root, 'pause'), pauseProgram(), { mode: 0o755 });
}

/** Nothing but Debian's static busybox, and two users. */
async function fillBusybox(root: string, scratch: string): Promise<void> {
  const fetched = await execute('sh', [
    '-c',
    `cd ${scratch} && apt-get -qq download busybox-static`,
  ]);
  if (fetched.code !== 0) throw new Error(`Cannot fetch busybox-static: ${fetched.err}`);
  const [deb] = (await readdir(scratch)).filter((name) => name.endsWith('.deb'));
  await mustExecute('dpkg', ['-x', join(scratch, deb!), join(scratch, 'deb')]);
  for (const name of ['usr/bin', 'usr/sbin', 'etc', 'root', 'tmp', 'var', 'dev', 'proc', 'sys'])
    await mkdir(join(root, name), { recursive: true });
  for (const name of ['bin', 'sbin']) await symlink(`usr/${name}`, join(root, name));
  await chmod(join(root, 'tmp'), 0o1777);
  const busybox = join(root, 'bin/busybox');
  await copyFile(join(scratch, 'deb/bin/busybox'), busybox);
  await chmod(busybox, 0o755);
  const applets = (await mustExecute(busybox, ['--list'])).split('\n').filter(Boolean);
  for (const applet of applets)
    if (applet !== 'busybox') await symlink('busybox', join(root, 'bin', applet));
  await writeFile(
    join(root, 'etc/passwd'),
    'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n',
  );
  await writeFile(join(root, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
}

const agnhost = `#!/bin/sh
trap 'exit 2' TERM
case "$1" in
  netexec) nc -ll -p 8080 -e /answer & ;;
  liveness) (sleep 10; touch /tmp/failing) & nc -ll -p 8080 -e /answer & ;;
  *) exit 0 ;;
esac
wait
`;
const answer = `#!/bin/sh
while read line; do [ "$line" = "$(printf '\\r')" ] && break; done
status='200 OK'
[ -e /tmp/failing ] && status='500 Internal Server Error'
printf 'HTTP/1.1 %s\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nok' "$status"
`;

async function fillAgnhost(root: string, scratch: string): Promise<void> {
  await fillBusybox(root, scratch);
  await writeFile(join(root, 'agnhost'), agnhost, { mode: 0o755 });
  await writeFile(join(root, 'answer'), answer, { mode: 0o755 });
}

async function pack(
  root: string,
  scratch: string,
  { reference, config: run }: { readonly reference: string } & Pick<Contents, 'config'>,
): Promise<void> {
  const image = join(scratch, 'image');
  await mkdir(image);
  const layer = join(image, 'layer.tar');
  await mustExecute('tar', [
    '-C',
    root,
    '--owner=0',
    '--group=0',
    '--sort=name',
    '--mtime=@0',
    '-cf',
    layer,
    '.',
  ]);
  const digest = createHash('sha256')
    .update(await readFile(layer))
    .digest('hex');
  const config = JSON.stringify({
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: run,
    rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
  });
  const name = `${createHash('sha256').update(config).digest('hex')}.json`;
  await writeFile(join(image, name), config);
  const manifest = [{ Config: name, RepoTags: [reference], Layers: ['layer.tar'] }];
  await writeFile(join(image, 'manifest.json'), JSON.stringify(manifest));
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
