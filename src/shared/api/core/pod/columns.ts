import type { ContainerStatus, Pod } from '#shared/api/types/core-v1.ts';
import { ageColumn, nameColumn, orNone, since } from '#shared/api/columns.ts';
import type { Column } from '#shared/kube/resource.ts';

interface Summary {
  readonly ready: number;
  readonly total: number;
  readonly reason: string;
  readonly restarts: number;
  /** Of the latest restart; '' when there was none. */
  readonly restartedAt: string;
}

export const podColumns: readonly Column<Pod>[] = [
  nameColumn,
  {
    name: 'Ready',
    value: (pod) => {
      const { ready, total } = summarize(pod);
      return `${ready}/${total}`;
    },
  },
  { name: 'Status', value: (pod) => summarize(pod).reason },
  {
    name: 'Restarts',
    value: (pod, now) => {
      const { restarts, restartedAt } = summarize(pod);
      if (restarts === 0 || !restartedAt) return String(restarts);
      return `${restarts} (${since(restartedAt, now)} ago)`;
    },
  },
  ageColumn,
  { name: 'IP', priority: 1, value: ({ status }) => orNone(status?.podIPs?.[0]?.ip) },
  { name: 'Node', priority: 1, value: ({ spec }) => orNone(spec.nodeName) },
  {
    name: 'Nominated Node',
    priority: 1,
    value: ({ status }) => orNone(status?.nominatedNodeName),
  },
  { name: 'Readiness Gates', priority: 1, value: readinessGates },
];

function readinessGates({ spec, status }: Pod): string {
  const gates = spec.readinessGates ?? [];
  if (gates.length === 0) return '<none>';
  const open = gates.filter(({ conditionType }) => {
    const condition = status?.conditions?.find(({ type }) => type === conditionType);
    return condition?.status === 'True';
  });
  return `${open.length}/${gates.length}`;
}

/** What kubectl says of a pod in one word, and how many of its containers are ready. */
export function summarize(pod: Pod): Summary {
  const { spec, status } = pod;
  const sidecars = new Set(
    (spec.initContainers ?? [])
      .filter(({ restartPolicy }) => restartPolicy === 'Always')
      .map(({ name }) => name),
  );
  const total = spec.containers.length + sidecars.size;
  const isGated = status.conditions?.some(
    ({ type, reason }) => type === 'PodScheduled' && reason === 'SchedulingGated',
  );
  const phase = isGated ? 'SchedulingGated' : status.reason || status.phase || '';
  const init = summarizeInit(pod, sidecars);
  const isInitialized = status.conditions?.some(
    ({ type, status: value }) => type === 'Initialized' && value === 'True',
  );
  const summary =
    init.reason === undefined || isInitialized
      ? summarizeContainers(pod, init.reason ?? phase, init)
      : { ready: init.ready, reason: init.reason, ...countRestarts(status.initContainerStatuses) };
  return { ...summary, total, reason: deletionReason(pod) ?? summary.reason };
}

function deletionReason({ metadata, status }: Pod): string | undefined {
  if (!metadata.deletionTimestamp) return undefined;
  if (status?.reason === 'NodeLost') return 'Unknown';
  const isOver = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  return isOver ? undefined : 'Terminating';
}

interface InitSummary {
  readonly ready: number;
  /** Absent once all init containers are through. */
  readonly reason: string | undefined;
  readonly sidecarStatuses: readonly ContainerStatus[];
}

function summarizeInit({ spec, status }: Pod, sidecars: ReadonlySet<string>): InitSummary {
  const sidecarStatuses: ContainerStatus[] = [];
  let ready = 0;
  for (const [index, container] of (status?.initContainerStatuses ?? []).entries()) {
    const isSidecar = sidecars.has(container.name);
    if (isSidecar) sidecarStatuses.push(container);
    if (container.state?.terminated?.exitCode === 0) continue;
    if (isSidecar && container.started) {
      if (container.ready) ready++;
      continue;
    }
    const reason = initReason(container, index, spec.initContainers?.length ?? 0);
    return { ready, reason, sidecarStatuses };
  }
  return { ready, reason: undefined, sidecarStatuses };
}

function initReason({ state }: ContainerStatus, index: number, count: number): string {
  const { terminated, waiting } = state;
  if (terminated) return `Init:${terminationReason(terminated)}`;
  if (waiting?.reason && waiting.reason !== 'PodInitializing') return `Init:${waiting.reason}`;
  return `Init:${index}/${count}`;
}

type Terminated = NonNullable<NonNullable<ContainerStatus['state']>['terminated']>;

function terminationReason({ reason, signal, exitCode }: Terminated): string {
  return reason || (signal ? `Signal:${signal}` : `ExitCode:${exitCode}`);
}

function summarizeContainers(
  { status }: Pod,
  initialReason: string,
  init: InitSummary,
): Omit<Summary, 'total'> {
  let reason = initialReason;
  let { ready } = init;
  let hasRunning = false;
  let failure = '';
  for (const { state = {}, ready: isReady } of (status?.containerStatuses ?? []).toReversed()) {
    if (state.waiting?.reason) reason = state.waiting.reason;
    else if (state.terminated) {
      reason = terminationReason(state.terminated);
      if (state.terminated.exitCode !== 0) failure = reason;
    } else if (isReady && state.running) {
      hasRunning = true;
      ready++;
    }
  }
  if (reason === 'Completed') {
    const isPodReady = status?.conditions?.some(
      ({ type, status: value }) => type === 'Ready' && value === 'True',
    );
    if (hasRunning && isPodReady) reason = 'Running';
    else if (failure) reason = failure;
    else if (hasRunning) reason = 'NotReady';
  }
  const statuses = [...init.sidecarStatuses, ...(status?.containerStatuses ?? [])];
  return { ready, reason, ...countRestarts(statuses) };
}

function countRestarts(
  statuses: readonly ContainerStatus[] = [],
): Pick<Summary, 'restarts' | 'restartedAt'> {
  let restarts = 0;
  let restartedAt = '';
  for (const { restartCount, lastState } of statuses) {
    restarts += restartCount ?? 0;
    const finishedAt = lastState?.terminated?.finishedAt ?? '';
    if (finishedAt > restartedAt) restartedAt = finishedAt;
  }
  return { restarts, restartedAt };
}
