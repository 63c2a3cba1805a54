import { aggregateLimits, aggregateRequests } from '#shared/api/core/pod/aggregate.ts';
import { qualityOfService } from '#shared/api/core/pod/quality-of-service.ts';
import { isExtendedResource, isNativeResource } from '#shared/api/core/resource-names.ts';
import { countName, matchesNames, type QuotaEvaluator } from '#shared/api/quota/evaluator.ts';
import {
  addLists,
  oneQuantity,
  parseList,
  type ResourceList,
} from '#shared/api/quota/resource-list.ts';
import { runningContainers } from '#shared/api/quota/running-containers.ts';
import type { Pod, PodAffinityTerm, PodSpec } from '#shared/api/types/core-v1.ts';
import type { Quantity } from '#shared/kube/quantity.ts';

const group = '';
const plural = 'pods';
const objectCount = countName({ group, plural });
const computeResources = ['cpu', 'memory', 'ephemeral-storage'];
const ownResources: ReadonlySet<string> = new Set([
  objectCount,
  'pods',
  ...computeResources.flatMap((name) => [name, `requests.${name}`, `limits.${name}`]),
]);
/** Where a quota limits these, every container has to say how much it wants. */
const mustBeSaid: ReadonlySet<string> = new Set(
  ['cpu', 'memory'].flatMap((name) => [name, `requests.${name}`, `limits.${name}`]),
);
const deviceClassPrefix = 'deviceclass.resource.kubernetes.io/';

/** Pods count while they run; as mere objects until they are gone. */
export const podEvaluator: QuotaEvaluator<Pod> = {
  group,
  plural,
  matchingResources: (names) => names.filter(isPodResource),
  matchesScope(selector, pod) {
    const { scopeName } = selector;
    const { spec } = pod;
    switch (scopeName) {
      case 'Terminating':
        return hasDeadline(pod);
      case 'NotTerminating':
        return !hasDeadline(pod);
      case 'BestEffort':
        return isBestEffort(pod);
      case 'NotBestEffort':
        return !isBestEffort(pod);
      case 'PriorityClass':
        return matchesNames(selector, spec?.priorityClassName ? [spec.priorityClassName] : []);
      case 'CrossNamespacePodAffinity':
        return looksAcrossNamespaces(spec);
      default:
        return false;
    }
  },
  usage(pod, now) {
    const counted = new Map([[objectCount, oneQuantity]]);
    return isCounted(pod, now) ? addLists(counted, computeUsage(pod)) : counted;
  },
  complaint(required, { spec }) {
    if (hasPodLevelResources(spec)) return undefined;
    const wanted = required.filter((name) => mustBeSaid.has(name)).toSorted();
    const missing = wanted.flatMap((name) => {
      const names = containersWithout(spec, name);
      return names.length > 0 ? [`${name} for: ${names.join(',')}`] : [];
    });
    return missing.length > 0 ? `must specify ${missing.join('; ')}` : undefined;
  },
};

/** A pod with a deadline is one that ends by itself. */
export function hasDeadline({ spec }: Pod): boolean {
  return spec?.activeDeadlineSeconds !== undefined && spec.activeDeadlineSeconds >= 0;
}

function isBestEffort({ spec, status }: Pod): boolean {
  return (status?.qosClass ?? qualityOfService(spec)) === 'BestEffort';
}

function isPodResource(name: string): boolean {
  if (ownResources.has(name)) return true;
  if (name.startsWith('hugepages-') || name.startsWith('requests.hugepages-')) return true;
  if (!name.startsWith('requests.')) return false;
  return !isNativeResource(name) || name.startsWith(`requests.${deviceClassPrefix}`);
}

/** Finished pods do not count, and those whose grace is over no more either. */
function isCounted({ metadata, status }: Pod, now: number): boolean {
  if (status?.phase === 'Failed' || status?.phase === 'Succeeded') return false;
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return true;
  return now <= Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
}

function computeUsage(pod: Pod): ResourceList {
  const usage = new Map<string, Quantity>([['pods', oneQuantity]]);
  for (const [name, amount] of requestsOf(pod)) {
    if (computeResources.includes(name) || name.startsWith('hugepages-')) usage.set(name, amount);
    const isCountedAsRequest = usage.has(name) || isExtendedResource(name);
    if (isCountedAsRequest) usage.set(`requests.${name}`, amount);
  }
  for (const [name, amount] of limitsOf(pod)) {
    if (computeResources.includes(name)) usage.set(`limits.${name}`, amount);
  }
  return usage;
}

function requestsOf(pod: Pod): ResourceList {
  const { spec } = pod;
  if (!spec) return new Map();
  const sum = new Map(parseList(aggregateRequests(runningContainers(pod))));
  override(sum, spec.resources?.requests);
  return addLists(sum, parseList(spec.overhead));
}

function limitsOf(pod: Pod): ResourceList {
  const { spec } = pod;
  if (!spec) return new Map();
  const sum = new Map(parseList(aggregateLimits(runningContainers(pod))));
  override(sum, spec.resources?.limits);
  const overhead = [...parseList(spec.overhead)].filter(([name]) => sum.has(name));
  return addLists(sum, new Map(overhead));
}

function override(
  sum: Map<string, Quantity>,
  podLevel: Readonly<Record<string, string>> | undefined,
): void {
  for (const [name, amount] of parseList(podLevel)) if (isPodLevel(name)) sum.set(name, amount);
}

function isPodLevel(name: string): boolean {
  return name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');
}

function hasPodLevelResources(spec: PodSpec | undefined): boolean {
  const { requests = {}, limits = {} } = spec?.resources ?? {};
  return Object.keys({ ...requests, ...limits }).some(isPodLevel);
}

function containersWithout(spec: PodSpec | undefined, name: string): string[] {
  const isLimit = name.startsWith('limits.');
  const resource = name.replace(/^(?:limits|requests)\./, '');
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  const without = containers.filter(({ resources }) => {
    const amounts = isLimit ? resources?.limits : resources?.requests;
    return amounts?.[resource] === undefined;
  });
  return [...new Set(without.map((container) => container.name))].sort();
}

function looksAcrossNamespaces(spec: PodSpec | undefined): boolean {
  const { podAffinity, podAntiAffinity } = spec?.affinity ?? {};
  return [podAffinity, podAntiAffinity].some((affinity) => {
    const preferred = affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    const terms: readonly PodAffinityTerm[] = [
      ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
      ...preferred.map(({ podAffinityTerm }) => podAffinityTerm),
    ];
    return terms.some(
      ({ namespaces = [], namespaceSelector }) =>
        namespaces.length > 0 || namespaceSelector !== undefined,
    );
  });
}
