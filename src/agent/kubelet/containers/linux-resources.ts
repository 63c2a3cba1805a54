import type { Container, Pod } from '#shared/api/types/core-v1.ts';
import { podRequests } from '#shared/kube/pod-requests.ts';
import { quantityMilliValue, quantityValue } from '#shared/kube/quantity.ts';
import { isCritical, isSidecar } from '../pods/pod-containers.ts';
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

/** Milli-CPUs or bytes; `undefined` where some container is not limited. */
function podLimit({ spec }: Pod, name: 'cpu' | 'memory'): number | undefined {
  const amount = (text: string): number => (name === 'cpu' ? milli(text) : bytes(text));
  const overhead = spec.overhead?.[name] === undefined ? 0 : amount(spec.overhead[name]);
  const own = spec.resources?.limits?.[name];
  if (own !== undefined) return amount(own) + overhead;
  let total = 0;
  for (const { resources } of spec.containers) {
    const limit = resources.limits?.[name];
    if (limit === undefined) return undefined;
    total += amount(limit);
  }
  let sidecars = 0;
  let peak = 0;
  for (const container of spec.initContainers ?? []) {
    const limit = container.resources.limits?.[name];
    if (limit === undefined) return undefined;
    if (isSidecar(container)) {
      sidecars += amount(limit);
      peak = Math.max(peak, sidecars);
    } else peak = Math.max(peak, sidecars + amount(limit));
  }
  return Math.max(total + sidecars, peak) + overhead;
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
