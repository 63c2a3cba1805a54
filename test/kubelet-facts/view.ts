import type { ContainerState, ContainerStatus, Pod, PodStatus } from '#shared/api/types/core-v1.ts';
import { agnhostImage, busyboxImage, nonRootImage } from '../support/kubelet/images.ts';
import type { Json } from './facts.ts';

/** What differs from run to run, by the names that the facts have for it. */
export type Masks = readonly (readonly [RegExp, string])[];

export function masksOf(pod: Pod, node: { name: string; address: string }): Masks {
  const { uid, namespace = '' } = pod.metadata;
  const { podIP } = pod.status;
  const exact = (text: string): RegExp => new RegExp(text.replaceAll('.', '\\.'), 'g');
  return [
    [exact(busyboxImage), '$BUSYBOX'],
    [exact(agnhostImage), '$AGNHOST'],
    [exact(nonRootImage), '$NONROOT'],
    [exact(uid), '$UID'],
    [exact(namespace), '$NS'],
    ...(podIP && podIP !== node.address
      ? [[new RegExp(`${podIP.replaceAll('.', '\\.')}(?![0-9])`, 'g'), '$POD_IP'] as const]
      : []),
    [new RegExp(`${node.address.replaceAll('.', '\\.')}(?![0-9])`, 'g'), '$HOST_IP'],
    [/10\.96\.0\.10(?![0-9])/g, '$DNS_IP'],
    [/10\.96\.0\.1(?![0-9])/g, '$KUBERNETES_IP'],
    [/kube-api-access-[a-z0-9]{5}/g, 'kube-api-access-$RAND'],
    [/\.\.[0-9_]{19}\.[0-9]+/g, '..$STAMP'],
    [/[0-9a-f]{64}/g, '$ID'],
    [/[A-Z][a-z]{2} [ \d]\d \d\d:\d\d/g, '$DATE'],
    [new RegExp(`(?<![\\w-])${node.name}(?![\\w-])`, 'g'), '$NODE'],
    [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+\d\d:\d\d)/g, '$TIME'],
  ];
}

export function masked<T>(value: T, masks: Masks): T {
  let text = JSON.stringify(value);
  for (const [pattern, name] of masks) text = text.replaceAll(pattern, name);
  return JSON.parse(text) as T;
}

/** A pod's status as the facts keep it. */
export function statusView(status: PodStatus, withMessages: boolean): Json {
  const containers = (list: readonly ContainerStatus[] | undefined): Json[] =>
    (list ?? []).map((one) => containerView(one, withMessages));
  const some = (name: string, list: Json[]): object => (list.length > 0 ? { [name]: list } : {});
  return {
    phase: status.phase ?? '',
    ...(status.reason && { reason: status.reason }),
    qosClass: status.qosClass ?? '',
    ...(status.allocatedResources && { allocatedResources: { ...status.allocatedResources } }),
    ...(status.resources && { resources: status.resources as unknown as Json }),
    conditions: (status.conditions ?? []).map(({ type, status: value, reason }) => [
      type,
      value,
      ...(reason ? [reason] : []),
    ]),
    ...(status.podIP && status.podIP === status.hostIP && { podIP: 'hostIP' }),
    podIPs: status.podIPs?.length ?? 0,
    hostIPs: status.hostIPs?.length ?? 0,
    ...(status.startTime && { startTime: 'set' }),
    ...some('initContainerStatuses', containers(status.initContainerStatuses)),
    ...some('containerStatuses', containers(status.containerStatuses)),
    ...some('ephemeralContainerStatuses', containers(status.ephemeralContainerStatuses)),
  };
}

function containerView(status: ContainerStatus, withMessages: boolean): Json {
  const last = stateView(status.lastState, withMessages);
  const { started, containerID, allocatedResources, resources, volumeMounts } = status;
  return {
    name: status.name,
    state: stateView(status.state, withMessages),
    ...(Object.keys(last as object).length > 0 && { lastState: last }),
    ready: status.ready,
    ...(started !== undefined && { started }),
    restartCount: status.restartCount,
    image: status.image,
    imageID: status.imageID ? 'set' : '',
    ...(containerID && { containerID: 'set' }),
    ...(allocatedResources && { allocatedResources: { ...allocatedResources } }),
    ...(resources && { resources: resources as unknown as Json }),
    ...(volumeMounts && { volumeMounts: volumeMounts as unknown as Json }),
  };
}

function stateView({ running, waiting, terminated }: ContainerState, withMessages: boolean): Json {
  if (running) return { running: {} };
  if (waiting) return { waiting: { reason: waiting.reason ?? '' } };
  if (!terminated) return {};
  const { exitCode, reason = '', message, signal } = terminated;
  return {
    terminated: {
      exitCode,
      ...(signal && { signal }),
      reason,
      ...(withMessages && message !== undefined && { message }),
    },
  };
}

/** Both sides without what depends on the machine's load. */
export function comparable(value: Json): Json {
  return JSON.parse(
    JSON.stringify(value, (name, one: Json) => (name === 'ran' ? undefined : one)),
  ) as Json;
}

/** `path: expected → seen` for everything that is not the same. */
export function differences(
  expected: Json | undefined,
  seen: Json | undefined,
  path = '',
): string[] {
  if (JSON.stringify(expected) === JSON.stringify(seen)) return [];
  if (isPlain(expected) && isPlain(seen)) {
    const names = new Set([...Object.keys(expected), ...Object.keys(seen)]);
    return [...names].flatMap((name) => differences(expected[name], seen[name], `${path}.${name}`));
  }
  if (Array.isArray(expected) && Array.isArray(seen) && expected.length === seen.length)
    return expected.flatMap((one, at) =>
      differences(one as Json, seen[at] as Json, `${path}[${at}]`),
    );
  return [`${path}: ${JSON.stringify(expected)} → ${JSON.stringify(seen)}`];
}

function isPlain(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
