import type { Node, Pod } from '#shared/api/types/core-v1.ts';
import { hasPodLevelRequests, podRequests, wholeUnits } from '#shared/kube/pod-requests.ts';
import { actions, type EventInterest } from '../cluster-events.ts';
import { NodeInfo } from '../node-info.ts';
import { PodInfo } from '../pod-info.ts';
import { plugin, refusal, type PluginFactory, type Rejection } from '../plugin.ts';
import { amountIn, isExtendedResource, type Resources } from '../resources.ts';
import { names } from './names.ts';
import { resourceReader, type ResourceReader, type WeightedResource } from './resource-scoring.ts';
import {
  leastAllocated,
  mostAllocated,
  requestedToCapacityRatio,
  type ResourceScore,
  type ShapePoint,
} from './resource-strategies.ts';

export interface ScoringStrategy {
  readonly type: 'LeastAllocated' | 'MostAllocated' | 'RequestedToCapacityRatio';
  readonly resources?: readonly WeightedResource[];
  readonly requestedToCapacityRatio?: { readonly shape: readonly ShapePoint[] };
}

export interface NodeResourcesFitArgs {
  readonly ignoredResources?: readonly string[];
  /** The parts before the slash. */
  readonly ignoredResourceGroups?: readonly string[];
  readonly scoringStrategy: ScoringStrategy;
}

interface Wanted {
  readonly requests: Resources;
  readonly isNothing: boolean;
  /** Scalars that matter. */
  readonly scalars: readonly (readonly [name: string, amount: number])[];
}

/** What a container is taken to ask for where it does not say. */
const unstated = new Map([
  ['cpu', 100],
  ['memory', 200 * 1024 * 1024],
]);
const defaultResources: readonly WeightedResource[] = [{ name: 'cpu' }, { name: 'memory' }];

/** Nodes must have what the pod asks for; the scoring strategy says which of them are better. */
export const nodeResourcesFit: PluginFactory<NodeResourcesFitArgs> = {
  name: names.nodeResourcesFit,
  create(_context, args) {
    const { scoringStrategy } = args;
    const strategy = strategyOf(scoringStrategy);
    const isIgnored = ignores(args);
    return plugin<Wanted, readonly ResourceReader[]>({
      name: names.nodeResourcesFit,
      isNodeLocal: true,
      events: events((info) => wantedOf(info, () => false)),
      preFilter: (info) => ({ state: wantedOf(info, isIgnored) }),
      filter: (wanted, _pod, node) => shortage(wanted, node),
      preScore: (info) => scoreReaders(info, scoringStrategy.resources ?? defaultResources),
      score(readers, { nodes }, scores) {
        for (let index = 0; index < nodes.length; index++)
          scores[index] = strategy(readers, nodes[index]!);
      },
    });
  },
};

/** Why the node is too small or too full; nothing when the pod fits. */
function shortage({ requests, isNothing, scalars }: Wanted, node: NodeInfo): Rejection | undefined {
  const { allocatable, requested, pods } = node;
  let short = pods.length + 1 > allocatable.pods ? bits.pods : 0;
  if (!isNothing) {
    const { milliCpu, memory, ephemeralStorage } = requests;
    if (milliCpu > 0 && milliCpu > allocatable.milliCpu - requested.milliCpu)
      short |= bits.cpu | (milliCpu > allocatable.milliCpu ? bits.final : 0);
    if (memory > 0 && memory > allocatable.memory - requested.memory)
      short |= bits.memory | (memory > allocatable.memory ? bits.final : 0);
    if (
      ephemeralStorage > 0 &&
      ephemeralStorage > allocatable.ephemeralStorage - requested.ephemeralStorage
    )
      short |= bits.storage | (ephemeralStorage > allocatable.ephemeralStorage ? bits.final : 0);
    if (scalars.length > 0) return scalarShortage(scalars, node, short);
  }
  return short === 0 ? undefined : rejectionFor(short, []);
}

function scalarShortage(
  scalars: Wanted['scalars'],
  { allocatable, requested }: NodeInfo,
  others: number,
): Rejection | undefined {
  let short = others;
  const missing: string[] = [];
  for (const [name, amount] of scalars) {
    const offered = amountIn(allocatable, name);
    if (amount <= offered - amountIn(requested, name)) continue;
    missing.push(name);
    if (amount > offered) short |= bits.final;
  }
  return short === 0 && missing.length === 0 ? undefined : rejectionFor(short, missing);
}

const bits = { pods: 1, cpu: 2, memory: 4, storage: 8, final: 16 };
const rejections = new Map<string, Rejection>();

/** One object for each different shortage, so that equal refusals are the same. */
function rejectionFor(short: number, scalars: readonly string[]): Rejection {
  const key = `${short} ${scalars.join(' ')}`;
  const known = rejections.get(key);
  if (known) return known;
  const reasons = [
    ...(short & bits.pods ? ['Too many pods'] : []),
    ...(short & bits.cpu ? ['Insufficient cpu'] : []),
    ...(short & bits.memory ? ['Insufficient memory'] : []),
    ...(short & bits.storage ? ['Insufficient ephemeral-storage'] : []),
    ...scalars.map((name) => `Insufficient ${name}`),
  ];
  const code = short & bits.final ? 'UnschedulableAndUnresolvable' : 'Unschedulable';
  const rejection = refusal(names.nodeResourcesFit, code, ...reasons);
  rejections.set(key, rejection);
  return rejection;
}

function wantedOf({ requests }: PodInfo, isIgnored: (name: string) => boolean): Wanted {
  const { milliCpu, memory, ephemeralStorage, scalars } = requests;
  return {
    requests,
    isNothing: !milliCpu && !memory && !ephemeralStorage && !scalars?.size,
    scalars: [...(scalars ?? [])].filter(([name, amount]) => amount > 0 && !isIgnored(name)),
  };
}

function ignores(args: NodeResourcesFitArgs): (name: string) => boolean {
  const resources = new Set(args.ignoredResources);
  const groups = new Set(args.ignoredResourceGroups);
  return (name) =>
    isExtendedResource(name) && (resources.has(name) || groups.has(name.split('/')[0] ?? ''));
}

function scoreReaders(
  info: PodInfo,
  resources: readonly WeightedResource[],
): readonly ResourceReader[] {
  // What a pod asks for as a whole does not count here, as upstream's scorer leaves it out.
  const asked = hasPodLevelRequests(info.pod)
    ? podRequests(info.pod, { missing: unstated, containersOnly: true })
    : undefined;
  return resources.map((resource) => {
    const { name } = resource;
    let amount = amountIn(info.requests, name);
    if (asked) amount = wholeUnits(asked.get(name) ?? 0);
    else if (name === 'cpu') amount = info.nonZeroMilliCpu;
    else if (name === 'memory') amount = info.nonZeroMemory;
    return resourceReader(resource, amount, 'assumed');
  });
}

type Strategy = (readers: readonly ResourceReader[], node: NodeInfo) => number;

function strategyOf({ type, requestedToCapacityRatio: ratio }: ScoringStrategy): Strategy {
  switch (type) {
    case 'LeastAllocated':
      return weightedMean(leastAllocated);
    case 'MostAllocated':
      return weightedMean(mostAllocated);
    case 'RequestedToCapacityRatio':
      return ratioMean(requestedToCapacityRatio(ratio?.shape ?? []));
    default:
      throw new Error(`scoring strategy ${String(type)} is not supported`);
  }
}

function weightedMean(scoreOf: ResourceScore): Strategy {
  return (readers, node) => {
    let sum = 0;
    let weights = 0;
    for (const reader of readers) {
      const capacity = reader.allocatable(node);
      if (capacity === 0) continue;
      sum += scoreOf(reader.allocated(node) + reader.asked, capacity) * reader.weight;
      weights += reader.weight;
    }
    return weights === 0 ? 0 : Math.trunc(sum / weights);
  };
}

/** Resources that score nothing do not weigh either. */
function ratioMean(scoreOf: ResourceScore): Strategy {
  return (readers, node) => {
    let sum = 0;
    let weights = 0;
    for (const reader of readers) {
      const capacity = reader.allocatable(node);
      if (capacity === 0) continue;
      const score = scoreOf(reader.allocated(node) + reader.asked, capacity);
      if (score <= 0) continue;
      sum += score * reader.weight;
      weights += reader.weight;
    }
    return weights === 0 ? 0 : Math.round(sum / weights);
  };
}

function events(wanted: (pod: PodInfo) => Wanted): readonly EventInterest[] {
  return [
    {
      resource: 'Pod',
      action: actions.delete | actions.updatePodScaleDown,
      hint: (pod, before, after) => freesResources(pod, before as Pod, after as Pod | undefined),
    },
    {
      resource: 'Node',
      action: actions.add | actions.updateNodeAllocatable,
      hint(pod, before, after) {
        const empty = new NodeInfo('', 0);
        empty.setNode(after as Node);
        if (shortage(wanted(pod), empty)) return false;
        return before === undefined || offersMore(pod, before as Node, empty);
      },
    },
    {
      resource: 'DeviceClass',
      action: actions.add | actions.update,
      // Extended resources are never backed by device classes here, so none can cure a shortage.
      hint: () => false,
    },
  ];
}

function freesResources(pod: PodInfo, before: Pod, after: Pod | undefined): boolean {
  if (!after) return Boolean(before.spec.nodeName || before.status?.nominatedNodeName);
  if (after.metadata.uid === pod.uid) return true;
  if (!after.spec.nodeName) return false;
  const old = new PodInfo(before).requests;
  const now = new PodInfo(after).requests;
  return requestedNames(pod.requests).some((name) => amountIn(old, name) > amountIn(now, name));
}

function offersMore({ requests }: PodInfo, before: Node, now: NodeInfo): boolean {
  const old = new NodeInfo('', 0);
  old.setNode(before);
  if (now.allocatable.pods > old.allocatable.pods) return true;
  return requestedNames(requests).some(
    (name) => amountIn(now.allocatable, name) > amountIn(old.allocatable, name),
  );
}

function requestedNames(requests: Resources): readonly string[] {
  const candidates = ['cpu', 'memory', 'ephemeral-storage', ...(requests.scalars?.keys() ?? [])];
  return candidates.filter((name) => amountIn(requests, name) > 0);
}
