import { mkdir, readFile, writeFile, chmod } from 'node:fs/promises';
import { join } from 'node:path';
import type { PodSandboxConfig } from '#agent/container-runtime/types.ts';
import type { PodVolumes } from '#agent/volumes/index.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import type { PodCgroups } from '../cgroups.ts';
import { ContainerError } from '../containers/container-error.ts';
import type { KubeletContext } from '../context.ts';
import { podIpsOf, type RuntimePod } from '../runtime-state.ts';
import { parseResolvConf } from './dns.ts';
import { hostnameOf } from './hostname.ts';
import { hostsFile } from './hosts-file.ts';
import { podLogFolder, sandboxConfig } from './sandbox-config.ts';

export interface SandboxParts {
  readonly context: KubeletContext;
  readonly cgroups: PodCgroups;
  readonly volumes: PodVolumes;
  readonly seen: string;
}

/** The sandbox's config as it is, or would be, given to the runtime. */
export async function configOf(
  pod: Pod,
  attempt: number,
  parts: SandboxParts,
): Promise<PodSandboxConfig> {
  const { settings } = parts.context;
  return sandboxConfig(pod, attempt, {
    settings,
    hostDns: parseResolvConf(await readHostFile('/etc/resolv.conf')),
    cgroupParent: parts.cgroups.parentOf(pod),
    seen: parts.seen,
  });
}

/** Runs the pod's sandbox. Throws a `ContainerError` where that is refused. */
export async function runSandbox(pod: Pod, attempt: number, parts: SandboxParts): Promise<string> {
  const { context } = parts;
  const { runtime, settings, recorder, network } = context;
  try {
    const config = await configOf(pod, attempt, parts);
    await mkdir(podLogFolder(pod, settings.folders.podLogs), {
      recursive: true,
      mode: 0o755,
    });
    const runtimeHandler = await handlerOf(pod, context);
    const run = () => runtime.runPodSandbox({ config, runtimeHandler }, { timeoutMs: 240_000 });
    const isOwn = network !== undefined && pod.spec.hostNetwork !== true;
    const { podSandboxId } = await (isOwn ? network.assignAddress(pod.status.podIP, run) : run());
    return podSandboxId;
  } catch (error) {
    const { message } = error as Error;
    recorder.record(
      pod,
      'Warning',
      'FailedCreatePodSandBox',
      `Failed to create pod sandbox: ${message}`,
    );
    throw new ContainerError('CreatePodSandboxError', message, { cause: error });
  }
}

async function handlerOf({ spec }: Pod, { objects }: KubeletContext): Promise<string> {
  if (spec.hostUsers === false)
    throw new Error('user namespaces are not supported by this node; leave out spec.hostUsers');
  if (!spec.runtimeClassName) return '';
  const found = await objects.runtimeClass(spec.runtimeClassName);
  if (found) return found.handler;
  throw new Error(`runtimeclass.node.k8s.io "${spec.runtimeClassName}" not found`);
}

/** Writes the pod's /etc/hosts once its addresses are known. Returns where it is. */
export async function writeHostsFile(
  pod: Pod,
  runtimePod: RuntimePod | undefined,
  { context, volumes }: SandboxParts,
): Promise<string | undefined> {
  const { settings } = context;
  const podIps = pod.spec.hostNetwork ? settings.nodeAddresses : podIpsOf(runtimePod);
  if (podIps.length === 0) return undefined;
  const file = join(volumes.podFolder(pod.metadata.uid), 'etc-hosts');
  const text = hostsFile(pod, hostnameOf(pod, settings.clusterDomain), {
    podIps,
    own: pod.spec.hostNetwork ? await readHostFile('/etc/hosts') : '',
  });
  await writeFile(file, text, { mode: 0o644 });
  await chmod(file, 0o644);
  return file;
}

async function readHostFile(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch(() => ''); // a host without one has nothing to hand on
}
