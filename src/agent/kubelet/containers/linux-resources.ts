import type { Container, Pod } from '#shared/api/types/core-v1.ts';
import { podRequests } from '#shared/kube/pod-requests.ts';
import { quantityMilliValue, quantityValue } from '#shared/kube/quantity.ts';
import { isCritical, isSidecar } from '../pods/pod-containers.ts';
import { without } from '../status/without.ts';
import { qualityOfService } from './quality-of-service.ts';

export interface LinuxResources {
  readonly cpuShares: number;
  readonly cpuPeriod: number;
  readonly cpuQuota: number;
  readonly memoryLimitInBytes: number;
}

const minShares = 2;
const maxShares = 262_144;
const periodMicros = 100_000;
const minQuotaMicros = 1000;

export function sharesOf(milliCpu: number): number {
  if (milliCpu === 0) return minShares;
  return Math.min(maxShares, Math.max(minShares, Math.floor((milliCpu * 1024) / 1000)));
}

function quotaOf(milliCpu: number): number {
  if (milliCpu === 0) return 0;
  return Math.max(minQuotaMicros, Math.floor((milliCpu * periodMicros) / 1000));
}

/** In cgroup v1's terms, which runtimes translate. Zero says: no limit. */
export function containerResources(pod: Pod, container: Container): LinuxResources {
  const { requests = {}, limits = {} } = container.resources;
  const own = pod.spec.resources?.limits ?? {};
  const cpuLimit = milli(limits['cpu'] ?? own['cpu']);
  const cpuRequest = requests['cpu'] === undefined ? cpuLimit : milli(requests['cpu']);
  return {
    cpuShares: sharesOf(cpuRequest),
    cpuPeriod: periodMicros,
    cpuQuota: quotaOf(cpuLimit),
    memoryLimitInBytes: bytes(limits['memory'] ?? own['memory']),
  };
}

/** Of the pod as a whole; a limit holds only if every container has one, or the pod states it. */
export function podResources(pod: Pod): LinuxResources {
  const requests = podRequests(pod);
  const cpuLimit = podLimit(pod, 'cpu');
  const memoryLimit = podLimit(pod, 'memory');
  return {
    cpuShares: sharesOf(requests.get('cpu') ?? 0),
    cpuPeriod: periodMicros,
    cpuQuota: quotaOf(cpuLimit ?? 0),
    memoryLimitInBytes: memoryLimit ?? 0,
  };
}

/** What the sandbox is told of its pod: the sums of what is stated, without overhead. */
export function sandboxResources(pod: Pod): LinuxResources {
  const requests = podRequests({ ...pod, spec: without(pod.spec, 'overhead') });
  return {
    cpuShares: sharesOf(requests.get('cpu') ?? 0),
    cpuPeriod: periodMicros,
    cpuQuota: quotaOf(limitSum(pod, 'cpu').total),
    memoryLimitInBytes: limitSum(pod, 'memory').total,
  };
}

/** What the sandbox itself takes, if the runtime class says so. */
export function overheadResources({ spec }: Pod): Partial<LinuxResources> {
  if (!spec.overhead) return {};
  const cpu = milli(spec.overhead['cpu']);
  return {
    cpuShares: sharesOf(cpu),
    cpuPeriod: periodMicros,
    cpuQuota: quotaOf(cpu),
    memoryLimitInBytes: bytes(spec.overhead['memory']),
  };
}

/** Milli-CPUs or bytes; `undefined` where some container is not limited. */
function podLimit(pod: Pod, name: 'cpu' | 'memory'): number | undefined {
  const { total, isWhole } = limitSum(pod, name);
  const overhead = pod.spec.overhead?.[name];
  const extra = name === 'cpu' ? milli(overhead) : bytes(overhead);
  return isWhole ? total + extra : undefined;
}

interface LimitSum {
  readonly total: number;
  /** Every container has a limit. */
  readonly isWhole: boolean;
}

function limitSum({ spec }: Pod, name: 'cpu' | 'memory'): LimitSum {
  const amount = name === 'cpu' ? milli : bytes;
  const own = spec.resources?.limits?.[name];
  if (own !== undefined) return { total: amount(own), isWhole: true };
  const limits = spec.containers.map(({ resources }) => resources.limits?.[name]);
  let isWhole = limits.every((one) => one !== undefined);
  let sidecars = 0;
  let peak = 0;
  for (const container of spec.initContainers ?? []) {
    const limit = container.resources.limits?.[name];
    if (limit === undefined) isWhole = false;
    if (isSidecar(container)) sidecars += amount(limit);
    peak = Math.max(peak, sidecars + (isSidecar(container) ? 0 : amount(limit)));
  }
  const total = limits.reduce((sum, one) => sum + amount(one), sidecars);
  return { total: Math.max(total, peak), isWhole };
}

/** Who is killed first when memory runs out: -1000 never, 1000 first. */
export function oomScoreAdjustment(pod: Pod, container: Container, memoryCapacity: number): number {
  if (isCritical(pod)) return -997;
  const quality = qualityOfService(pod);
  if (quality === 'Guaranteed') return -997;
  if (quality === 'BestEffort') return 1000;
  const own = burstableScore(pod, container, memoryCapacity);
  const isInitSidecar = isSidecar(container) && pod.spec.initContainers?.includes(container);
  if (!isInitSidecar) return own;
  // A sidecar must not be killed before the containers that it serves.
  const others = pod.spec.containers.map((one) => burstableScore(pod, one, memoryCapacity));
  return Math.min(own, ...others);
}

function burstableScore(pod: Pod, container: Container, memoryCapacity: number): number {
  const request = bytes(container.resources.requests?.['memory']) + shareOfPod(pod);
  const score = 1000 - Math.trunc((1000 * request) / memoryCapacity);
  if (score < 3) return 3;
  return score === 1000 ? 999 : score;
}

/** What the pod asks for beyond its containers counts for them in equal parts. */
function shareOfPod(pod: Pod): number {
  if (pod.spec.resources?.requests?.['memory'] === undefined) return 0;
  const whole = podRequests(pod).get('memory') ?? 0;
  const parts = podRequests(pod, { containersOnly: true }).get('memory') ?? 0;
  const count = pod.spec.containers.length + (pod.spec.initContainers?.length ?? 0);
  return Math.max(0, whole - parts) / count;
}

function milli(text: string | undefined): number {
  return text === undefined ? 0 : quantityMilliValue(text);
}

function bytes(text: string | undefined): number {
  return text === undefined ? 0 : quantityValue(text);
}
