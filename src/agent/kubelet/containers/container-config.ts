import { randomBytes } from 'node:crypto';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mountPropagations, namespaceModes } from '#agent/container-runtime/enums.ts';
import type {
  ContainerConfig,
  ContainerMount,
  ContainerResources,
  RuntimeImage,
} from '#agent/container-runtime/types.ts';
import type { PodVolumes } from '#agent/volumes/index.ts';
import type { Container, Pod } from '#shared/api/types/core-v1.ts';
import type { KubeletContext } from '../context.ts';
import { hugePageName, type NodeFacts } from '../node/facts.ts';
import type { Capacity, PodAddresses } from './downward.ts';
import { environmentOf } from './environment.ts';
import { expand } from './expand.ts';
import { containerAnnotations, labels, podLabels } from './labels.ts';
import { containerResources, oomScoreAdjustment } from './linux-resources.ts';
import { securityContext } from './security-context.ts';

export interface ContainerSources {
  readonly context: KubeletContext;
  readonly volumes: PodVolumes;
  readonly image: RuntimeImage;
  /** By volume, what the runtime is to mount by itself. */
  readonly volumeImages: ReadonlyMap<string, ContainerMount['image']>;
  readonly restartCount: number;
  readonly addresses: PodAddresses;
  readonly allocatable: Capacity;
  /** The pod's /etc/hosts on the host, if it has one. */
  readonly hostsFile: string | undefined;
  /** Whose process namespace an ephemeral container shares. */
  readonly targetId?: string | undefined;
}

/** All that the runtime is told about a container. Throws the sentence of a `CreateContainerConfigError`. */
export async function containerConfig(
  pod: Pod,
  container: Container,
  sources: ContainerSources,
): Promise<ContainerConfig> {
  const { context, volumes, image, restartCount } = sources;
  const { uid } = pod.metadata;
  const environment = await environmentOf(pod, container, {
    objects: context.objects,
    addresses: sources.addresses,
    allocatable: sources.allocatable,
    volumeFolder: (volume) => volumes.place(uid, volume)?.path,
  });
  const expanded = (text: string): string => expand(text, (name) => environment.get(name));
  const security = securityContext(pod, container, {
    image,
    folder: context.settings.folders.kubelet,
    extraGroups: [],
  });
  const { targetId } = sources;
  const { namespaceOptions } = security;
  return {
    metadata: { name: container.name, attempt: restartCount },
    image: { image: image.id, userSpecifiedImage: container.image ?? '' },
    command: (container.command ?? []).map(expanded),
    args: (container.args ?? []).map(expanded),
    workingDir: container.workingDir ?? '',
    envs: [...environment].map(([key, value]) => ({ key, value: Buffer.from(value) })),
    mounts: await mountsOf(pod, container, { sources, environment }),
    labels: { ...podLabels(pod), [labels.containerName]: container.name },
    annotations: containerAnnotations(pod, container, restartCount),
    logPath: join(container.name, `${restartCount}.log`),
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    linux: {
      resources: resourcesOf(pod, container, context.facts),
      securityContext:
        targetId && namespaceOptions?.pid === namespaceModes.container
          ? {
              ...security,
              namespaceOptions: { ...namespaceOptions, pid: namespaceModes.target, targetId },
            }
          : security,
    },
  };
}

/** What a container may use, in the runtime's terms. */
export function resourcesOf(pod: Pod, container: Container, facts: NodeFacts): ContainerResources {
  const own = containerResources(pod, container);
  const isUnified = facts.cgroupVersion === 2;
  const limit = own.memoryLimitInBytes;
  return {
    ...own,
    oomScoreAdj: oomScoreAdjustment(pod, container, facts.memoryBytes),
    hugepageLimits: facts.hugePageSizes.map((size) => ({
      pageSize: hugePageName(size),
      limit: Number(container.resources.limits?.[`hugepages-${hugePageName(size)}i`] ?? 0),
    })),
    // No swap: what is limited is limited with it.
    ...(limit > 0 && { memorySwapLimitInBytes: limit }),
    ...(isUnified && limit > 0 && { unified: { 'memory.oom.group': '1' } }),
  };
}

interface MountContext {
  readonly sources: ContainerSources;
  readonly environment: ReadonlyMap<string, string>;
}

async function mountsOf(
  pod: Pod,
  container: Container,
  { sources, environment }: MountContext,
): Promise<ContainerMount[]> {
  const { volumes, hostsFile } = sources;
  const { uid } = pod.metadata;
  const mounts: ContainerMount[] = [];
  for (const [at, mount] of (container.volumeMounts ?? []).entries()) {
    const place = volumes.place(uid, mount.name);
    if (!place)
      throw new Error(
        `cannot find volume "${mount.name}" to mount into container "${container.name}"`,
      );
    const sub = mount.subPath || expandStrictly(mount.subPathExpr ?? '', environment);
    const containerPath = mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`;
    const image = sources.volumeImages.get(mount.name);
    if (image) {
      mounts.push({ containerPath, readonly: true, image, imageSubPath: sub });
      continue;
    }
    const hostPath = sub
      ? await volumes.subPath(pod, { container: container.name, at, volume: mount.name, path: sub })
      : place.path;
    const propagation = (mount.mountPropagation ?? 'None') as keyof typeof mountPropagations;
    mounts.push({
      containerPath,
      hostPath,
      readonly: (mount.readOnly ?? false) || place.isReadOnly,
      propagation: mountPropagations[propagation],
    });
  }
  const hasOwnHosts = mounts.some(({ containerPath }) => containerPath === '/etc/hosts');
  if (hostsFile && !hasOwnHosts)
    mounts.push({ containerPath: '/etc/hosts', hostPath: hostsFile, readonly: false });
  const messagePath = container.terminationMessagePath;
  if (messagePath)
    mounts.push({
      containerPath: messagePath,
      hostPath: await messageFile(volumes.podFolder(uid), container.name),
    });
  return mounts;
}

/** Every run of a container has a file of its own to leave its last words in. */
async function messageFile(podFolder: string, container: string): Promise<string> {
  const folder = join(podFolder, 'containers', container);
  await mkdir(folder, { recursive: true, mode: 0o750 });
  const file = join(folder, randomBytes(4).toString('hex'));
  await writeFile(file, '');
  await chmod(file, 0o666);
  return file;
}

/** Unlike elsewhere, a name without a value is an error here. */
function expandStrictly(text: string, environment: ReadonlyMap<string, string>): string {
  return expand(text, (name) => {
    const value = environment.get(name);
    if (value === undefined) throw new Error(`missing value for "${name}"`);
    return value;
  });
}
