import type { ContainerRuntime } from '#agent/container-runtime/index.ts';
import { RuntimeError } from '#agent/container-runtime/runtime-error.ts';
import type {
  ContainerImage,
  NodeFeatures,
  NodeRuntimeHandler,
} from '#shared/api/types/core-v1.ts';
import type { CgroupDriver } from '../cgroups.ts';

/** What the runtime says of itself. */
export interface RuntimeInfo {
  readonly name: string;
  readonly runtimeVersion: string;
  /** Why pods cannot run, if they cannot. */
  readonly problems: readonly string[];
  readonly networkProblem: string | undefined;
  readonly images: readonly ContainerImage[];
  readonly features: NodeFeatures | undefined;
  readonly handlers: readonly NodeRuntimeHandler[] | undefined;
}

/** containerd shows images as volumes from 2.1 on; older ones take the mount for a folder without a name. */
export function canMountImages({
  name,
  runtimeVersion,
}: Pick<RuntimeInfo, 'name' | 'runtimeVersion'>): boolean {
  const [major = 0, minor = 0] = runtimeVersion.split('.').map((part) => Number.parseInt(part, 10));
  return name !== 'containerd' || major > 2 || (major === 2 && minor >= 1);
}

const maxImages = 50;
const maxNames = 5;

export async function readRuntimeInfo(runtime: ContainerRuntime): Promise<RuntimeInfo> {
  const [{ runtimeName, runtimeVersion }, { status, features, runtimeHandlers }, { images }] =
    await Promise.all([runtime.version({}), runtime.status({}), runtime.listImages({})]);
  const failing = (type: string): string | undefined => {
    const condition = status?.conditions.find((one) => one.type === type);
    if (condition?.status) return undefined;
    const { reason = '', message = '' } = condition ?? {};
    const what =
      type === 'NetworkReady' ? 'container runtime network not ready' : 'container runtime is down';
    return `${what}: ${type}=false reason:${reason} message:${message}`;
  };
  const networkProblem = failing('NetworkReady');
  const runtimeProblem = failing('RuntimeReady');
  return {
    name: runtimeName,
    runtimeVersion: runtimeVersion.replace(/^v/, ''),
    problems: [runtimeProblem, networkProblem].filter((one) => one !== undefined),
    networkProblem,
    images: imageList(images),
    features: features && { supplementalGroupsPolicy: features.supplementalGroupsPolicy ?? false },
    handlers:
      runtimeHandlers.length > 0
        ? runtimeHandlers.map(({ name, features: has }) => ({
            name,
            features: {
              recursiveReadOnlyMounts: has?.recursiveReadOnlyMounts ?? false,
              userNamespaces: has?.userNamespaces ?? false,
            },
          }))
        : undefined,
  };
}

type Listed = Awaited<ReturnType<ContainerRuntime['listImages']>>['images'];

/** The largest first: the scheduler counts what need not be pulled. */
function imageList(images: Listed): ContainerImage[] {
  return images
    .map(({ repoDigests, repoTags, size }) => ({
      names: [...repoDigests, ...repoTags].slice(0, maxNames),
      sizeBytes: size,
    }))
    .toSorted((a, b) => b.sizeBytes - a.sizeBytes)
    .slice(0, maxImages);
}

/** How containers' cgroups are made: the runtime's word where it gives one, else what its config says. */
export async function cgroupDriverOf(runtime: ContainerRuntime): Promise<CgroupDriver> {
  try {
    const { linux } = await runtime.runtimeConfig({});
    return linux?.cgroupDriver === 1 ? 'cgroupfs' : 'systemd';
  } catch (error) {
    if (!RuntimeError.is(error, 'Unimplemented')) throw error;
  }
  const config = await configOf(runtime);
  const { runtimes = {}, defaultRuntimeName = 'runc' } = config.containerd ?? {};
  return runtimes[defaultRuntimeName]?.options?.SystemdCgroup === true ? 'systemd' : 'cgroupfs';
}

/** The image of all sandboxes, which nobody names; newer runtimes pin it by themselves. */
export async function sandboxImageOf(runtime: ContainerRuntime): Promise<string> {
  const { sandboxImage, pinnedImages } = await configOf(runtime);
  return sandboxImage ?? pinnedImages?.sandbox ?? '';
}

async function configOf(runtime: ContainerRuntime): Promise<RuntimeConfigInfo> {
  const { info } = await runtime.status({ verbose: true });
  return JSON.parse(info['config'] ?? '{}') as RuntimeConfigInfo;
}

/** The part of containerd's own config that matters here. */
interface RuntimeConfigInfo {
  readonly sandboxImage?: string;
  readonly pinnedImages?: { readonly sandbox?: string };
  readonly containerd?: {
    readonly defaultRuntimeName?: string;
    readonly runtimes?: Readonly<
      Record<string, { readonly options?: { readonly SystemdCgroup?: boolean } | null }>
    >;
  };
}
