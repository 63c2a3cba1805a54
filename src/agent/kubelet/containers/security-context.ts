import { join } from 'node:path';
import {
  groupsPolicies,
  namespaceModes,
  securityProfiles,
} from '#agent/container-runtime/enums.ts';
import type {
  ContainerSecurityContext,
  NamespaceOptions,
  RuntimeImage,
  SecurityProfile,
} from '#agent/container-runtime/types.ts';
import type { Container, Pod, SeccompProfile } from '#shared/api/types/core-v1.ts';

const maskedPaths: readonly string[] = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const readonlyPaths: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
];

export function namespaceOptions({ spec }: Pod): NamespaceOptions {
  const { pod, container, node } = namespaceModes;
  const own = spec.shareProcessNamespace ? pod : container;
  return {
    network: spec.hostNetwork ? node : pod,
    pid: spec.hostPID ? node : own,
    ipc: spec.hostIPC ? node : pod,
    ...(spec.hostUsers !== false && { usernsOptions: { mode: node } }),
  };
}

export interface SecuritySources {
  readonly image: RuntimeImage | undefined;
  /** The kubelet's own folder; profiles lie in `seccomp` below it. */
  readonly folder: string;
  /** Of volumes that belong to a group. */
  readonly extraGroups: readonly number[];
}

/** What a container may do. Throws `CreateContainerConfigError`'s sentence where it must not run as root but would. */
export function securityContext(
  pod: Pod,
  container: Container,
  sources: SecuritySources,
): ContainerSecurityContext {
  const ofPod = pod.spec.securityContext ?? {};
  const own = container.securityContext ?? {};
  const user = own.runAsUser ?? ofPod.runAsUser;
  const group = own.runAsGroup ?? ofPod.runAsGroup;
  const policy = ofPod.supplementalGroupsPolicy === 'Strict' ? 'Strict' : 'Merge';
  const seLinux = own.seLinuxOptions ?? ofPod.seLinuxOptions;
  verifyNonRoot(pod, container, sources.image);
  const { add = [], drop = [] } = own.capabilities ?? {};
  const hasCapabilities = own.capabilities !== undefined;
  return {
    ...(hasCapabilities && { capabilities: { addCapabilities: add, dropCapabilities: drop } }),
    privileged: own.privileged ?? false,
    namespaceOptions: namespaceOptions(pod),
    ...(seLinux && { selinuxOptions: seLinux }),
    ...runAs(user, sources.image),
    ...(group !== undefined && { runAsGroup: { value: group } }),
    readonlyRootfs: own.readOnlyRootFilesystem ?? false,
    supplementalGroups: supplementalGroups(pod, sources.extraGroups),
    supplementalGroupsPolicy: groupsPolicies[policy],
    noNewPrivs: own.allowPrivilegeEscalation === false,
    ...(own.procMount !== 'Unmasked' && { maskedPaths, readonlyPaths }),
    seccomp: seccompProfile(own.seccompProfile ?? ofPod.seccompProfile, sources.folder),
  };
}

export function supplementalGroups({ spec }: Pod, extra: readonly number[] = []): number[] {
  const { fsGroup, supplementalGroups: stated = [] } = spec.securityContext ?? {};
  return [...(fsGroup === undefined ? [] : [fsGroup]), ...extra, ...stated];
}

function runAs(
  user: number | undefined,
  image: RuntimeImage | undefined,
): Pick<ContainerSecurityContext, 'runAsUser' | 'runAsUsername'> {
  if (user !== undefined) return { runAsUser: { value: user } };
  if (image?.uid) return { runAsUser: { value: image.uid.value ?? 0 } };
  if (image?.username) return { runAsUsername: image.username };
  // An image that says nothing runs as root.
  return { runAsUser: { value: 0 } };
}

function verifyNonRoot(pod: Pod, container: Container, image: RuntimeImage | undefined): void {
  const ofPod = pod.spec.securityContext ?? {};
  const own = container.securityContext ?? {};
  if (!(own.runAsNonRoot ?? ofPod.runAsNonRoot)) return;
  const who = `pod: "${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})", container: ${container.name}`;
  const user = own.runAsUser ?? ofPod.runAsUser;
  if (user !== undefined) {
    if (user !== 0) return;
    throw new Error(`container's runAsUser breaks non-root policy (${who})`);
  }
  if (image?.username)
    throw new Error(
      `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root (${who})`,
    );
  if ((image?.uid?.value ?? 0) === 0)
    throw new Error(`container has runAsNonRoot and image will run as root (${who})`);
}

function seccompProfile(profile: SeccompProfile | undefined, folder: string): SecurityProfile {
  switch (profile?.type) {
    case 'RuntimeDefault':
      return { profileType: securityProfiles.runtimeDefault };
    case 'Localhost':
      return {
        profileType: securityProfiles.localhost,
        localhostRef: join(folder, 'seccomp', profile.localhostProfile ?? ''),
      };
    case undefined:
    default:
      return { profileType: securityProfiles.unconfined };
  }
}
