import { chmod, lstat, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod, Volume } from '#shared/api/types/core-v1.ts';
import { quantityValue } from '#shared/kube/quantity.ts';
import { writeAtomically, type ProjectedFiles } from './atomic-files.ts';
import type { VolumeContext } from './context.ts';
import { checkHostPath } from './host-path.ts';
import { giveToGroup } from './ownership.ts';
import { configMapFiles, downwardFiles, projectedFiles, secretFiles } from './payload.ts';

export interface VolumeTarget {
  readonly pod: Pod;
  readonly volume: Volume;
  /** Where the volume is to be, below the pod's folder. */
  readonly folder: string;
  readonly podFolder: string;
  readonly context: VolumeContext;
  /** To be called, or not, once nothing is missing any more and the rest is work on this node. */
  readonly found: () => void;
}

/** One kind of volume. */
export interface VolumePlugin {
  /** As it stands in paths: `kubernetes.io~NAME`. */
  readonly name: string;
  readonly matches: (volume: Volume) => boolean;
  /** Shows what others wrote; containers may not change it. */
  readonly isReadOnly: boolean;
  /** Makes the volume and brings its contents up to date; does nothing that is done already. */
  readonly setUp: (target: VolumeTarget) => Promise<void>;
  /** Where it is, if not in its own folder. */
  readonly placeOf?: (volume: Volume) => string | undefined;
}

const defaultFileMode = 0o644;

export const configMapVolumes = shown('configmap', 'disk', {
  matches: ({ configMap }) => configMap !== undefined,
  files: async ({ pod, volume: { configMap }, context }) => {
    const { name = '', items, optional, defaultMode = defaultFileMode } = configMap ?? {};
    return await configMapFiles({ name, items, optional }, { pod, context, defaultMode });
  },
});

export const secretVolumes = shown('secret', 'memory', {
  matches: ({ secret }) => secret !== undefined,
  files: async ({ pod, volume: { secret }, context }) => {
    const { secretName: name = '', items, optional, defaultMode = defaultFileMode } = secret ?? {};
    return await secretFiles({ name, items, optional }, { pod, context, defaultMode });
  },
});

export const downwardVolumes = shown('downward-api', 'memory', {
  matches: ({ downwardAPI }) => downwardAPI !== undefined,
  files: async ({ pod, volume: { downwardAPI }, context }) => {
    const { items = [], defaultMode = defaultFileMode } = downwardAPI ?? {};
    return downwardFiles(items, { pod, context, defaultMode });
  },
});

export const projectedVolumes = shown('projected', 'memory', {
  matches: ({ projected }) => projected !== undefined,
  files: async ({ pod, volume: { name, projected }, context }) => {
    const { sources = [], defaultMode = defaultFileMode } = projected ?? {};
    return await projectedFiles(sources, { pod, context, defaultMode, volume: name });
  },
});

export const emptyDirVolumes: VolumePlugin = {
  name: 'empty-dir',
  matches: ({ emptyDir }) => emptyDir !== undefined,
  isReadOnly: false,
  async setUp({ pod, volume, folder, podFolder, context, found }) {
    found();
    const { medium = '', sizeLimit } = volume.emptyDir ?? {};
    if (medium !== '' && medium !== 'Memory')
      throw new Error(`unknown storage medium "${medium}"; use "" or "Memory"`);
    const isMade = await isReady(podFolder, volume.name);
    // The mark outlives a reboot, what is in memory does not.
    if (isMade && (medium === '' || (await isMounted(context, folder)))) return;
    await makeFolder(folder);
    if (medium === 'Memory') {
      const limit = sizeLimit === undefined ? Infinity : quantityValue(sizeLimit);
      const node = quantityValue(context.allocatable()['memory'] ?? '0');
      await mountOnce(context, folder, Math.min(limit, node));
    }
    const group = pod.spec.securityContext?.fsGroup;
    if (group !== undefined) await giveToGroup(folder, group, { readOnly: false });
    await setReady(podFolder, volume.name);
  },
};

export const hostPathVolumes: VolumePlugin = {
  name: 'host-path',
  matches: ({ hostPath }) => hostPath !== undefined,
  isReadOnly: false,
  placeOf: ({ hostPath }) => hostPath?.path,
  async setUp({ volume: { hostPath } }) {
    if (hostPath) await checkHostPath(hostPath.path, hostPath.type ?? '');
  },
};

/** Mounted when a container is to see it: images are pulled when the pod has its sandbox. */
export const imageVolumes: VolumePlugin = {
  name: 'image',
  matches: ({ image }) => image !== undefined,
  isReadOnly: true,
  async setUp() {},
};

export const localVolumes: VolumePlugin = {
  name: 'local-volume',
  matches: () => false,
  isReadOnly: false,
  async setUp({ pod, volume, folder, context }) {
    const { path = '' } = volume.hostPath ?? {};
    if (await isMounted(context, folder)) return;
    await checkHostPath(path, 'Directory');
    await makeFolder(folder);
    await context.mounts.bind(path, folder);
    const group = pod.spec.securityContext?.fsGroup;
    if (group !== undefined) await giveToGroup(folder, group, { readOnly: false });
  },
};

export const nfsVolumes: VolumePlugin = {
  name: 'nfs',
  matches: ({ nfs }) => nfs !== undefined,
  isReadOnly: false,
  async setUp({ volume: { nfs }, folder, context }) {
    if (!nfs || (await isMounted(context, folder))) return;
    await makeFolder(folder);
    await context.mounts.mountDevice(`${nfs.server}:${nfs.path}`, folder, {
      type: 'nfs',
      options: nfs.readOnly ? ['ro'] : [],
    });
  },
};

interface Shown {
  readonly matches: (volume: Volume) => boolean;
  readonly files: (target: VolumeTarget) => Promise<ProjectedFiles>;
}

/** Volumes that show data of the cluster, kept in memory where it may be secret. */
function shown(name: string, medium: 'disk' | 'memory', { matches, files }: Shown): VolumePlugin {
  return {
    name,
    matches,
    isReadOnly: true,
    async setUp(target) {
      const { pod, folder, podFolder, volume, context } = target;
      const contents = await files(target);
      target.found();
      const ready = `wrapped_${volume.name}`;
      const isLost = medium === 'memory' && !(await isMounted(context, folder));
      const isFirst = isLost || !(await isReady(podFolder, ready));
      if (isFirst) {
        await makeFolder(folder);
        if (medium === 'memory') await mountOnce(context, folder, 0);
        await setReady(podFolder, ready);
      }
      const group = pod.spec.securityContext?.fsGroup;
      const own = (fresh: string): Promise<void> =>
        group === undefined ? Promise.resolve() : giveToGroup(fresh, group, { readOnly: true });
      await writeAtomically(folder, { files: contents, now: context.clock.now(), own });
      if (isFirst) await own(folder);
    },
  };
}

export async function makeFolder(folder: string): Promise<void> {
  await mkdir(join(folder, '..'), { recursive: true, mode: 0o755 });
  await mkdir(folder, { recursive: true, mode: 0o777 });
  await chmod(folder, 0o777);
}

async function mountOnce(context: VolumeContext, folder: string, bytes: number): Promise<void> {
  if (await isMounted(context, folder)) return;
  await context.mounts.mountMemory(folder, Number.isFinite(bytes) ? bytes : 0);
}

async function isMounted(context: VolumeContext, folder: string): Promise<boolean> {
  return (await context.mounts.below(folder)).includes(folder);
}

/** Upstream's mark that a folder has been made whole. */
async function isReady(podFolder: string, name: string): Promise<boolean> {
  return await lstat(readyFile(podFolder, name)).then(
    () => true,
    () => false,
  );
}

async function setReady(podFolder: string, name: string): Promise<void> {
  const file = readyFile(podFolder, name);
  await mkdir(join(file, '..'), { recursive: true, mode: 0o750 });
  await writeFile(file, '');
}

function readyFile(podFolder: string, name: string): string {
  return join(podFolder, 'plugins', 'kubernetes.io~empty-dir', name, 'ready');
}
