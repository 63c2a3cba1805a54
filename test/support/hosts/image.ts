import { createHash } from 'node:crypto';
import { access, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asHosts, type PackageSource } from './apt-proxy.ts';
import { alone, cache } from './place.ts';
import { mustExecute, shell } from './shell.ts';

const basePackages = [
  'systemd',
  'systemd-sysv',
  'libpam-systemd',
  'dbus',
  'openssh-server',
  'sudo',
  'iproute2',
  'procps',
  'iputils-ping',
  'ca-certificates',
  'curl',
  'kmod',
];

/** What makes a machine a container host; without them it is as bare as a machine somebody rents. */
export const containerPackages = [
  'containerd',
  'runc',
  'containernetworking-plugins',
  'nftables',
  'iptables',
  'conntrack',
];

/** Hosts may lack CAP_SYS_RESOURCE: sandboxes then keep the OOM score of containerd. */
const containerdConfig = {
  path: 'etc/containerd/config.toml',
  text: `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
`,
};

export interface ImageOptions {
  /** `http://address:port` of the apt proxy, now; hosts are told theirs when they boot. */
  readonly proxy: string;
  readonly sources: readonly PackageSource[];
  readonly packages: readonly string[];
}

/** The file system that hosts share read-only: made once, kept in the cache. */
export async function baseFileSystem(options: ImageOptions): Promise<string> {
  const { sources, packages } = options;
  const config = packages.length > 0 ? containerdConfig.text : undefined;
  const recipe = JSON.stringify({ basePackages, packages, sources, version: 1, config });
  const name = createHash('sha256').update(recipe).digest('hex').slice(0, 12);
  const folder = join(cache, `base-${name}`);
  if (await exists(folder)) return folder;
  return alone(`base-${name}`, async () => {
    if (await exists(folder)) return folder;
    const scratch = `${folder}.new`;
    await rm(scratch, { recursive: true, force: true });
    await mkdir(scratch, { recursive: true });
    if (packages.length === 0) await install(scratch, options);
    else {
      const bare = await baseFileSystem({ ...options, packages: [] });
      await shell(`cp -a ${bare}/. ${scratch}`);
      await addPackages(scratch, options);
    }
    await rename(scratch, folder);
    return folder;
  });
}

async function install(root: string, { proxy, sources }: ImageOptions): Promise<void> {
  const [first] = sources;
  if (!first)
    throw new Error('This machine has no package source of its own release to install from');
  await mustExecute(
    'debootstrap',
    ['--variant=minbase', `--include=${basePackages.join(',')}`, first.suite, root, asHosts(first)],
    { env: { ...process.env, http_proxy: proxy } },
  );
  const list = sources.map((source) => `deb ${asHosts(source)} ${source.suite} main\n`);
  await writeFile(join(root, 'etc/apt/sources.list'), list.join(''));
  // Keys and identities are a host's own; a host may not write the machine's settings.
  await shell(`cd ${root}
rm -f etc/ssh/ssh_host_* etc/machine-id var/lib/dbus/machine-id usr/lib/sysctl.d/* etc/resolv.conf
chroot . useradd -m -s /bin/bash admin
echo 'admin ALL=(ALL) NOPASSWD:ALL' >etc/sudoers.d/admin
chmod 440 etc/sudoers.d/admin
chroot . apt-get clean`);
}

async function addPackages(root: string, { proxy, packages }: ImageOptions): Promise<void> {
  const apt = `apt-get -qq -o Acquire::http::Proxy=${proxy}`;
  const inside = `export DEBIAN_FRONTEND=noninteractive
${apt} update
${apt} install -y --no-install-recommends ${packages.join(' ')} >/dev/null
apt-get clean`;
  // Services are not to be started in here.
  const refusal = join(root, 'usr/sbin/policy-rc.d');
  await writeFile(refusal, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  await mustExecute('unshare', [
    '-m',
    '--propagation',
    'private',
    'sh',
    '-ec',
    `mount -t proc proc ${root}/proc; chroot ${root} sh -ec '${inside}'`,
  ]);
  await rm(refusal);
  await shell(`rm -f ${root}/usr/lib/sysctl.d/*`);
  if (packages.includes('containerd'))
    await writeFile(join(root, containerdConfig.path), containerdConfig.text);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
