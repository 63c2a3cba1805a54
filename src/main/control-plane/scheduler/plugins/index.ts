import type { PluginFactory } from '../plugin.ts';
import { defaultBinder } from './default-binder.ts';
import { defaultPreemption } from './default-preemption.ts';
import { dynamicResources } from './dynamic-resources.ts';
import { imageLocality } from './image-locality.ts';
import { interPodAffinity } from './inter-pod-affinity.ts';
import { nodeAffinity } from './node-affinity.ts';
import { nodeDeclaredFeatures } from './node-declared-features.ts';
import { nodeName } from './node-name.ts';
import { nodePorts } from './node-ports.ts';
import { nodeResourcesBalancedAllocation } from './node-resources-balanced-allocation.ts';
import { nodeResourcesFit } from './node-resources-fit.ts';
import { nodeUnschedulable } from './node-unschedulable.ts';
import { nodeVolumeLimits } from './node-volume-limits.ts';
import { podTopologySpread } from './pod-topology-spread.ts';
import { prioritySort } from './priority-sort.ts';
import { schedulingGates } from './scheduling-gates.ts';
import { taintToleration } from './taint-toleration.ts';
import { volumeBinding } from './volume-binding.ts';
import { volumeRestrictions } from './volume-restrictions.ts';
import { volumeZone } from './volume-zone.ts';

/** A plugin as it is used unless a profile says otherwise. */
export interface DefaultPlugin {
  readonly factory: PluginFactory;
  /** Of its score; 0 for plugins that do not score. */
  readonly weight: number;
  readonly args: object;
}

const entry = <Args extends object>(
  factory: PluginFactory<Args>,
  weight: number,
  args: Args,
): DefaultPlugin => ({ factory, weight, args });

const none = {};
const cpuAndMemory = [
  { name: 'cpu', weight: 1 },
  { name: 'memory', weight: 1 },
];

/** Upstream's default plugins, in the order in which they run at every extension point. */
export const defaultPlugins: readonly DefaultPlugin[] = [
  entry(schedulingGates, 0, none as never),
  entry(prioritySort, 0, none as never),
  entry(nodeUnschedulable, 0, none as never),
  entry(nodeName, 0, none as never),
  entry(taintToleration, 3, none as never),
  entry(nodeAffinity, 2, none),
  entry(nodePorts, 0, none as never),
  entry(nodeResourcesFit, 1, {
    scoringStrategy: { type: 'LeastAllocated', resources: cpuAndMemory },
  }),
  entry(volumeRestrictions, 0, none as never),
  entry(nodeVolumeLimits, 0, none as never),
  entry(volumeBinding, 0, { bindTimeoutSeconds: 600 }),
  entry(volumeZone, 0, none as never),
  entry(podTopologySpread, 2, { defaultingType: 'System' }),
  entry(interPodAffinity, 2, { hardPodAffinityWeight: 1 }),
  entry(dynamicResources, 2, none as never),
  entry(defaultPreemption, 0, { minCandidateNodesPercentage: 10, minCandidateNodesAbsolute: 100 }),
  entry(nodeResourcesBalancedAllocation, 1, { resources: cpuAndMemory }),
  entry(imageLocality, 1, none as never),
  entry(defaultBinder, 0, none as never),
  entry(nodeDeclaredFeatures, 0, none as never),
];
