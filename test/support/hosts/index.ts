import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { packageSources, startAptProxy } from './apt-proxy.ts';
import { createFabric } from './fabric.ts';
import { createHost, type Host } from './host.ts';
import { baseFileSystem, containerPackages } from './image.ts';

export interface TestHosts extends AsyncDisposable {
  /** h1, h2 … */
  readonly hosts: readonly Host[];
  /** Such as `10.77.0`; the hosts are .11, .12 … */
  readonly prefix: string;
  /** This machine's address as the hosts see it: what listens there can be reached. */
  readonly gateway: string;
  /** OpenSSH private key that root and admin (who may sudo without a password) accept. */
  readonly key: string;
  readonly keyFile: string;
}

export interface TestHostsOptions {
  readonly count: number;
  /** Bare unless asked for: `container` has containerd, runc, CNI plugins, nftables and conntrack. */
  readonly kind?: 'bare' | 'container';
  /** A certain network, such as `10.79.0`; the first that is free unless given. */
  readonly prefix?: string;
  /** Disks this small, in memory, that do not outlive the host. */
  readonly diskMiB?: number;
}

const proxyPort = 3142;

/**
 * Real hosts on this machine: systemd, sshd and sudo in namespaces of their own, with a network of
 * their own and no way out but to packages. Needs root on Linux. The first call on a machine makes
 * the base file system (about 40 s); then two hosts take a second or two. Leaves nothing behind but
 * that cache, whatever happens: hosts die with the process.
 */
export async function startHosts(options: TestHostsOptions): Promise<TestHosts> {
  const { count, kind = 'bare', prefix, diskMiB } = options;
  await using stack = new AsyncDisposableStack();
  const fabric = stack.use(await createFabric(prefix));
  const sources = await packageSources();
  stack.use(await startAptProxy(fabric.gateway, proxyPort, sources));
  const proxy = `http://${fabric.gateway}:${proxyPort}`;
  const packages = kind === 'container' ? containerPackages : [];
  const base = await baseFileSystem({ proxy, sources, packages });
  const pair = ssh2.utils.generateKeyPairSync('ed25519');
  const keyFile = join(fabric.folder, 'key');
  await writeFile(keyFile, pair.private, { mode: 0o600 });
  const hosts = Array.from({ length: count }, (_, at) =>
    stack.use(
      createHost({ fabric, index: at + 1, base, proxy, authorizedKey: pair.public, diskMiB }),
    ),
  );
  // All come to rest before one that failed takes the others down.
  const started = await Promise.allSettled(hosts.map((host) => host.start()));
  for (const one of started) if (one.status === 'rejected') throw one.reason as Error;
  const owned = stack.move();
  return {
    hosts,
    prefix: fabric.prefix,
    gateway: fabric.gateway,
    key: pair.private,
    keyFile,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
