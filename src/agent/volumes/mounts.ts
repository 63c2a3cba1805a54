import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What is mounted where in this mount namespace, as far as volumes care. */
export interface Mounts {
  /** A file system in memory; `sizeBytes` 0 is the kernel's own limit. */
  mountMemory(target: string, sizeBytes: number): Promise<void>;
  bind(source: string, target: string): Promise<void>;
  /** An image of the runtime, read-only; its id says which. */
  mountImage(image: string, target: string): Promise<void>;
  mountDevice(
    source: string,
    target: string,
    options: { readonly type?: string; readonly options?: readonly string[] },
  ): Promise<void>;
  unmount(target: string): Promise<void>;
  /** Every mount point at or below a folder, the deepest first. */
  below(folder: string): Promise<readonly string[]>;
}

/** Kernels that may swap out a tmpfs know how to leave it in memory from 6.4 on. */
const noSwapSince = [6, 4] as const;

export function createMounts(kernelRelease: string, runtimeEndpoint: string): Mounts {
  const [major = 0, minor = 0] = kernelRelease.split(/[.-]/).map(Number);
  const [since, sinceMinor] = noSwapSince;
  const canKeep = major > since || (major === since && minor >= sinceMinor);
  return {
    async mountMemory(target, sizeBytes) {
      const options = [
        ...(canKeep ? ['noswap'] : []),
        ...(sizeBytes > 0 ? [`size=${sizeBytes}`] : []),
      ];
      const flags = options.length > 0 ? ['-o', options.join(',')] : [];
      await run('mount', ['-t', 'tmpfs', ...flags, 'tmpfs', target]);
    },
    async bind(source, target) {
      await run('mount', ['--bind', source, target]);
    },
    async mountDevice(source, target, { type, options = [] }) {
      const flags = options.length > 0 ? ['-o', options.join(',')] : [];
      await run('mount', [...(type ? ['-t', type] : []), ...flags, source, target]);
    },
    async mountImage(image, target) {
      const address = runtimeEndpoint.replace(/^unix:\/\//, '');
      const containerd = ['--address', address, '--namespace', 'k8s.io'];
      await run('ctr', [...containerd, 'images', 'mount', image, target]);
    },
    async unmount(target) {
      await run('umount', [target]);
    },
    async below(folder) {
      const points = mountPoints(await readFile('/proc/self/mountinfo', 'utf8'));
      const inside = points.filter((point) => point === folder || point.startsWith(`${folder}/`));
      return inside.toReversed();
    },
  };
}

/** In the order of mounting. */
export function mountPoints(mountInfo: string): string[] {
  return mountInfo
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter(Boolean)
    .map((point) =>
      point.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
        String.fromCharCode(Number.parseInt(octal, 8)),
      ),
    );
}
