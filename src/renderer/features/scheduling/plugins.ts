/** A plugin of the scheduler in words. */
export interface PluginWords {
  /** A column's heading. */
  readonly short: string;
  /** Why a pod waits that it refused. */
  readonly refuses: string;
  /** What would have the pod tried again. */
  readonly wakes: string;
}

/** kube-scheduler's default filters, in the order in which they look at a node. */
export const filterOrder = [
  'NodeUnschedulable',
  'NodeName',
  'TaintToleration',
  'NodeAffinity',
  'NodePorts',
  'NodeResourcesFit',
  'VolumeRestrictions',
  'NodeVolumeLimits',
  'VolumeBinding',
  'VolumeZone',
  'PodTopologySpread',
  'InterPodAffinity',
  'DynamicResources',
  'NodeDeclaredFeatures',
] as const;

const words: Readonly<Record<string, PluginWords>> = {
  SchedulingGates: {
    short: 'gates',
    refuses: 'held back by its scheduling gates',
    wakes: 'its scheduling gates are removed',
  },
  NodeUnschedulable: {
    short: 'cordon',
    refuses: 'nodes are cordoned',
    wakes: 'a node is uncordoned or added, or the pod comes to tolerate it',
  },
  NodeName: {
    short: 'name',
    refuses: 'the node it names is not there',
    wakes: 'a node of that name is added',
  },
  TaintToleration: {
    short: 'taint',
    refuses: 'taints that it does not tolerate',
    wakes: 'a taint is removed, a node is added, or the pod comes to tolerate the taint',
  },
  NodeAffinity: {
    short: 'affin',
    refuses: 'no node matches its node selector or affinity',
    wakes: 'a node is added or its labels change',
  },
  NodePorts: {
    short: 'ports',
    refuses: 'its host ports are taken',
    wakes: 'a pod with these host ports is deleted, or a node is added',
  },
  NodeResourcesFit: {
    short: 'fit',
    refuses: 'not enough resources on any node',
    wakes: 'a pod ends or asks for less, a node is added or gets more to give',
  },
  VolumeRestrictions: {
    short: 'use',
    refuses: 'a volume is used elsewhere',
    wakes: 'the pod that uses the volume is deleted, or its claim changes',
  },
  NodeVolumeLimits: {
    short: 'limit',
    refuses: 'nodes have as many volumes as they can have',
    wakes: 'a pod with volumes is deleted, or a node is added',
  },
  VolumeBinding: {
    short: 'bind',
    refuses: 'its volumes cannot be bound',
    wakes: 'a claim, volume or storage class is added or changes, or a node is added',
  },
  VolumeZone: {
    short: 'zone',
    refuses: 'its volumes are in another zone',
    wakes: 'a volume or claim changes, or a node is added or relabelled',
  },
  PodTopologySpread: {
    short: 'spread',
    refuses: 'it would be spread unevenly',
    wakes: 'a pod that counts comes or goes, or a node is added, removed or relabelled',
  },
  InterPodAffinity: {
    short: 'podAff',
    refuses: 'pod affinity or anti-affinity',
    wakes: 'a pod that matches comes, goes or is relabelled, or a node is added or relabelled',
  },
  DynamicResources: {
    short: 'dev',
    refuses: 'the devices it claims are not to be had',
    wakes: 'a resource claim, slice or device class is added or changes',
  },
  NodeDeclaredFeatures: {
    short: 'feat',
    refuses: 'no node has the features it needs',
    wakes: 'a node with these features is added',
  },
  NodeResourcesBalancedAllocation: { short: 'bal', refuses: '', wakes: '' },
  ImageLocality: { short: 'img', refuses: '', wakes: '' },
};

/** Plugins of other profiles speak under their own name. */
export function wordsOf(plugin: string): PluginWords {
  return (
    words[plugin] ?? {
      short: plugin,
      refuses: `refused by ${plugin}`,
      wakes: `a change that ${plugin} waits for`,
    }
  );
}
