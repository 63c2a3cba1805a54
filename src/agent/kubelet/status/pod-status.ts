import { containerStates } from '#agent/container-runtime/enums.ts';
import type { ContainerStatus, Pod, PodCondition, PodStatus } from '#shared/api/types/core-v1.ts';
import { podRequests } from '#shared/kube/pod-requests.ts';
import { formatQuantity } from '#shared/kube/quantity.ts';
import { qualityOfService } from '../containers/quality-of-service.ts';
import { messageLimit } from '../containers/termination-message.ts';
import { allContainers, ephemeralContainers, isSidecar } from '../pods/pod-containers.ts';
import { wasToldGood, type ProbeResults } from '../probes/results.ts';
import { isReady, podIpsOf, type RuntimePod } from '../runtime-state.ts';
import { disruptionReason, podConditions } from './conditions.ts';
import { containerStatuses, type WaitingReason } from './container-statuses.ts';
import { podPhase } from './phase.ts';
import { without } from './without.ts';

/** The pod has been ended by the kubelet: its phase, with the reason. */
export interface Verdict {
  readonly reason: string;
  readonly message: string;
  /** The pod could not help it: the condition `DisruptionTarget` says so. */
  readonly isDisruption?: boolean;
}

export interface PodStatusSources {
  readonly pod: Pod;
  readonly runtimePod: RuntimePod | undefined;
  readonly previous: PodStatus;
  readonly probes: ProbeResults;
  readonly waitingFor: (container: string) => WaitingReason | undefined;
  readonly messages: ReadonlyMap<string, string>;
  readonly runtimeName: string;
  readonly hostIps: readonly string[];
  readonly now: string;
  readonly verdict: Verdict | undefined;
  /** Nothing more will be started. */
  readonly isTerminal: boolean;
  /** All that ran has ended: the phase may say so. */
  readonly hasEnded: boolean;
}

/** How a pod is, as the API tells it. */
export function podStatus(sources: PodStatusSources): PodStatus {
  const { pod, runtimePod, previous, verdict, hostIps } = sources;
  const { init, regular, ephemeral } = allStatuses(sources);
  const computed = podPhase({ pod, init, regular, isTerminal: sources.isTerminal });
  const wanted = verdict ? 'Failed' : keptPhase(previous, computed);
  const isFinal = wanted === 'Succeeded' || wanted === 'Failed';
  const conditions = podConditions({
    pod,
    phase: wanted,
    init,
    regular,
    hasSandbox: hasSandbox(pod, runtimePod),
    previous,
    now: sources.now,
  });
  const current =
    pod.spec.hostNetwork && runtimePod?.sandboxes.some(isReady)
      ? [...hostIps]
      : podIpsOf(runtimePod);
  const podIps = current.length > 0 ? current : (previous.podIPs ?? []).map(({ ip }) => ip);
  const { generation } = pod.metadata;
  // A phase that is final is told only when nothing runs any more.
  const phase = isFinal && !sources.hasEnded ? (previous.phase ?? 'Pending') : wanted;
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    phase,
    conditions: withDisruption(conditions, sources),
    ...(verdict && { reason: verdict.reason, message: verdict.message }),
    hostIP: hostIps[0] ?? '',
    hostIPs: hostIps.map((ip) => ({ ip })),
    ...(podIps[0] && { podIP: podIps[0], podIPs: podIps.map((ip) => ({ ip })) }),
    startTime: previous.startTime ?? sources.now,
    ...(init.length > 0 && { initContainerStatuses: init }),
    containerStatuses: regular,
    ...(ephemeral.length > 0 && { ephemeralContainerStatuses: ephemeral }),
    qosClass: qualityOfService(pod),
    ...(current.length + podIps.length > 0 && allocatedParts(pod)),
  };
}

function withDisruption(
  conditions: readonly PodCondition[],
  { pod, verdict, now }: PodStatusSources,
): readonly PodCondition[] {
  const type = 'DisruptionTarget';
  const isTold = conditions.some((one) => one.type === type && one.status === 'True');
  if (!verdict?.isDisruption || isTold) return conditions;
  const { generation } = pod.metadata;
  return [
    ...conditions.filter((one) => one.type !== type),
    {
      type,
      status: 'True',
      reason: disruptionReason,
      message: verdict.message,
      ...(generation !== undefined && { observedGeneration: generation }),
      lastTransitionTime: now,
    },
  ];
}

/** What has been set aside for the pod as a whole. */
function allocatedParts(pod: Pod): Pick<PodStatus, 'allocatedResources' | 'resources'> {
  const requests = podRequests(pod);
  const { resources } = pod.spec;
  const allocatedResources = Object.fromEntries(
    [...requests].map(([name, amount]) => [name, amountText(name, amount)]),
  );
  const { limits, requests: own } = resources ?? {};
  return {
    ...(requests.size > 0 && { allocatedResources }),
    ...(resources && { resources: { ...(limits && { limits }), ...(own && { requests: own }) } }),
  };
}

function amountText(name: string, amount: number): string {
  if (name === 'cpu')
    return formatQuantity({ nanos: BigInt(Math.round(amount * 1e6)), format: 'DecimalSI' });
  const isBytes =
    name === 'memory' || name === 'ephemeral-storage' || name.startsWith('hugepages-');
  const format = isBytes ? 'BinarySI' : 'DecimalSI';
  return formatQuantity({ nanos: BigInt(Math.round(amount)) * 1_000_000_000n, format });
}

/** What is final stays so. */
function keptPhase({ phase }: PodStatus, computed: string): string {
  return phase === 'Succeeded' || phase === 'Failed' ? phase : computed;
}

function hasSandbox(pod: Pod, runtimePod: RuntimePod | undefined): boolean {
  const [newest] = runtimePod?.sandboxes ?? [];
  if (!newest || !isReady(newest)) return false;
  return pod.spec.hostNetwork === true || podIpsOf(runtimePod).length > 0;
}

function allStatuses(sources: PodStatusSources) {
  const { pod, runtimePod, previous, waitingFor, messages, runtimeName } = sources;
  const limit = messageLimit(allContainers(pod).length);
  const cut = new Map([...messages].map(([id, text]) => [id, text.slice(0, limit)] as const));
  const parts = {
    pod,
    statuses: runtimePod?.containers ?? [],
    waitingFor,
    messages: cut,
    runtimeName,
    isVolumeShown: () => true,
  };
  const init = containerStatuses(pod.spec.initContainers ?? [], 'init', {
    ...parts,
    previous: previous.initContainerStatuses ?? [],
  });
  const regular = containerStatuses(pod.spec.containers, 'regular', {
    ...parts,
    previous: previous.containerStatuses ?? [],
  });
  const ephemeral = containerStatuses(ephemeralContainers(pod), 'ephemeral', {
    ...parts,
    previous: previous.ephemeralContainerStatuses ?? [],
  });
  return {
    init: init.map((status) => withInitReadiness(status, sources)),
    regular: regular.map((status) => withReadiness(status, sources)),
    ephemeral: ephemeral.map((status) => without(status, 'started')),
  };
}

function idOf({ containerID = '' }: ContainerStatus): string {
  return containerID.slice(containerID.indexOf('://') + 3);
}

/** Started: its startup probe has succeeded, or it has none. Ready: the same of its readiness probe. */
function withReadiness(
  status: ContainerStatus,
  { pod, probes, runtimePod, previous }: PodStatusSources,
): ContainerStatus {
  const container = allContainers(pod).find((one) => one.container.name === status.name)?.container;
  const id = idOf(status);
  const runs = runtimePod?.containers.some(
    (one) => one.id === id && one.state === containerStates.running,
  );
  if (!container || !runs || !status.state.running)
    return { ...status, started: false, ready: false };
  const isGood = (kind: 'startup' | 'readiness'): boolean => {
    const result = probes.of(kind, id);
    return result === undefined ? wasToldGood(previous, kind, id) : result === 'success';
  };
  const started = !container.startupProbe || isGood('startup');
  const ready = started && (!container.readinessProbe || isGood('readiness'));
  return { ...status, started, ready };
}

function withInitReadiness(status: ContainerStatus, sources: PodStatusSources): ContainerStatus {
  const container = sources.pod.spec.initContainers?.find(({ name }) => name === status.name);
  if (container && isSidecar(container)) return withReadiness(status, sources);
  const { running, terminated } = status.state;
  return { ...status, started: running !== undefined, ready: terminated?.exitCode === 0 };
}
