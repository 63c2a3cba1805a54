import type { NodeInfo } from '../node-info.ts';
import { plugin, skip, type PluginFactory } from '../plugin.ts';
import { amountIn } from '../resources.ts';
import { names } from './names.ts';
import { maxNodeScore } from './normalize.ts';
import { resourceReader, type ResourceReader, type WeightedResource } from './resource-scoring.ts';

export interface NodeResourcesBalancedAllocationArgs {
  readonly resources: readonly WeightedResource[];
}

/** Prefers nodes whose resources the pod would bring closer to being used in equal parts. */
export const nodeResourcesBalancedAllocation: PluginFactory<NodeResourcesBalancedAllocationArgs> = {
  name: names.nodeResourcesBalancedAllocation,
  create: (_context, { resources }) =>
    plugin<undefined, readonly ResourceReader[]>({
      name: names.nodeResourcesBalancedAllocation,
      isNodeLocal: true,
      preScore({ requests }) {
        const readers = resources.map((resource) =>
          resourceReader(resource, amountIn(requests, resource.name), 'stated'),
        );
        return readers.some(({ asked }) => asked !== 0) ? readers : skip;
      },
      score(readers, { nodes }, scores) {
        const half = maxNodeScore / 2;
        for (let index = 0; index < nodes.length; index++) {
          const node = nodes[index]!;
          const gain = balance(readers, node, true) - balance(readers, node, false);
          scores[index] = half + Math.trunc((half + gain) / 2);
        }
      },
    }),
};

/** 100 when all resources are used in equal parts, less by the standard deviation of the parts. */
function balance(readers: readonly ResourceReader[], node: NodeInfo, withPod: boolean): number {
  let first = 0;
  let second = 0;
  let total = 0;
  let parts = 0;
  for (const reader of readers) {
    const fraction = usedFraction(reader, node, withPod);
    if (fraction < 0) continue;
    if (parts === 0) first = fraction;
    else if (parts === 1) second = fraction;
    total += fraction;
    parts++;
  }
  let deviation = 0;
  if (parts === 2) deviation = Math.abs((first - second) / 2);
  else if (parts > 2) {
    const mean = total / parts;
    let squares = 0;
    for (const reader of readers) {
      const fraction = usedFraction(reader, node, withPod);
      if (fraction >= 0) squares += (fraction - mean) * (fraction - mean);
    }
    deviation = Math.sqrt(squares / parts);
  }
  return Math.trunc((1 - deviation) * maxNodeScore);
}

/** -1 when the node does not offer the resource. */
function usedFraction(reader: ResourceReader, node: NodeInfo, withPod: boolean): number {
  const capacity = reader.allocatable(node);
  if (capacity === 0) return -1;
  const used = reader.allocated(node) + (withPod ? reader.asked : 0);
  return used > capacity ? 1 : used / capacity;
}
