import { join } from 'node:path';
import { protocols, securityProfiles } from '#agent/container-runtime/enums.ts';
import type { PodSandboxConfig } from '#agent/container-runtime/types.ts';
import type { AgentSettings } from '#agent/settings.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { podLabels } from '../containers/labels.ts';
import { overheadResources, sandboxResources } from '../containers/linux-resources.ts';
import { namespaceOptions, supplementalGroups } from '../containers/security-context.ts';
import { podDns, type DnsConfig } from './dns.ts';
import { kernelHostname } from './hostname.ts';
import { isSidecar } from './pod-containers.ts';

export interface SandboxSources {
  readonly settings: AgentSettings;
  readonly hostDns: DnsConfig;
  /** As the runtime wants it: a path for cgroupfs, a slice's name for systemd. */
  readonly cgroupParent: string;
  /** When the kubelet first saw the pod. */
  readonly seen: string;
}

export function podLogFolder({ metadata }: Pod, podLogs: string): string {
  return join(podLogs, `${metadata.namespace}_${metadata.name}_${metadata.uid}`);
}

/** What the runtime is told about a pod, once for each sandbox. */
export function sandboxConfig(
  pod: Pod,
  attempt: number,
  { settings, hostDns, cgroupParent, seen }: SandboxSources,
): PodSandboxConfig {
  const { metadata, spec } = pod;
  const { name, uid, namespace = '' } = metadata;
  const { clusterDns, clusterDomain } = settings;
  return {
    metadata: { name, uid, namespace, attempt },
    hostname: spec.hostNetwork ? '' : kernelHostname(pod, clusterDomain),
    logDirectory: podLogFolder(pod, settings.folders.podLogs),
    dnsConfig: podDns(pod, { host: hostDns, clusterDns, clusterDomain }),
    portMappings: portMappings(pod),
    labels: { ...metadata.labels, ...podLabels(pod) },
    annotations: {
      'kubernetes.io/config.seen': seen,
      'kubernetes.io/config.source': 'api',
      ...metadata.annotations,
    },
    linux: { cgroupParent, ...linuxPart(pod) },
  };
}

function linuxPart(pod: Pod): NonNullable<PodSandboxConfig['linux']> {
  const { securityContext: context = {}, containers, initContainers = [] } = pod.spec;
  const { runAsUser, runAsGroup, seLinuxOptions, sysctls = [] } = context;
  const everyOne = [...containers, ...initContainers];
  return {
    securityContext: {
      namespaceOptions: namespaceOptions(pod),
      ...(seLinuxOptions && { selinuxOptions: seLinuxOptions }),
      ...(runAsUser !== undefined && { runAsUser: { value: runAsUser } }),
      ...(runAsGroup !== undefined && { runAsGroup: { value: runAsGroup } }),
      supplementalGroups: supplementalGroups(pod),
      privileged: everyOne.some((one) => one.securityContext?.privileged === true),
      seccomp: { profileType: securityProfiles.runtimeDefault },
    },
    sysctls: Object.fromEntries(sysctls.map(({ name, value }) => [sysctlName(name), value])),
    overhead: overheadResources(pod),
    resources: sandboxResources(pod),
  };
}

/** Slashes separate as well as dots do; what separates first says which. */
export function sysctlName(name: string): string {
  const first = /[./]/.exec(name)?.[0];
  if (first !== '/') return name;
  return name.replaceAll(/[./]/g, (one) => (one === '/' ? '.' : '/'));
}

function portMappings({ spec }: Pod): NonNullable<PodSandboxConfig['portMappings']> {
  const longLived = [...spec.containers, ...(spec.initContainers ?? []).filter(isSidecar)];
  return longLived.flatMap(({ ports = [] }) =>
    ports.map(({ containerPort, hostPort = 0, hostIP = '', protocol = 'TCP' }) => ({
      protocol: protocols[protocol as keyof typeof protocols],
      containerPort,
      hostPort,
      hostIp: hostIP,
    })),
  );
}
