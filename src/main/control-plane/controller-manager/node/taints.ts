import { nodes } from '#shared/api/core/node.ts';
import type { Node, Taint } from '#shared/api/types/core-v1.ts';
import type { Writer } from '#shared/kube/controller.ts';

export const notReady = 'node.kubernetes.io/not-ready';
export const unreachable = 'node.kubernetes.io/unreachable';
const unschedulable = 'node.kubernetes.io/unschedulable';

/** Which condition in which status puts which taint on a node: upstream's table. */
const taintsByCondition: readonly (readonly [condition: string, status: string, key: string])[] = [
  ['Ready', 'False', notReady],
  ['Ready', 'Unknown', unreachable],
  ['MemoryPressure', 'True', 'node.kubernetes.io/memory-pressure'],
  ['DiskPressure', 'True', 'node.kubernetes.io/disk-pressure'],
  ['NetworkUnavailable', 'True', 'node.kubernetes.io/network-unavailable'],
  ['PIDPressure', 'True', 'node.kubernetes.io/pid-pressure'],
];
const ownKeys: ReadonlySet<string> = new Set([
  unschedulable,
  ...taintsByCondition.map(([, , key]) => key),
]);

/** The NoSchedule taints that the node's conditions ask for. */
export function wantedKeys({ spec, status }: Node): ReadonlySet<string> {
  const wanted = new Set<string>();
  for (const [type, when, key] of taintsByCondition)
    if (status.conditions?.some((one) => one.type === type && one.status === when)) wanted.add(key);
  if (spec.unschedulable) wanted.add(unschedulable);
  return wanted;
}

/** The node's taints with NoSchedule as its conditions ask; `undefined` if nothing changes. */
export function withConditionTaints(node: Node, timeAdded: string): readonly Taint[] | undefined {
  const taints = node.spec.taints ?? [];
  const wanted = new Set(wantedKeys(node));
  const kept = taints.filter(({ key, effect }) => {
    if (effect !== 'NoSchedule' || !ownKeys.has(key)) return true;
    return wanted.delete(key);
  });
  if (kept.length === taints.length && wanted.size === 0) return undefined;
  const added = [...wanted].map((key): Taint => ({ key, effect: 'NoSchedule', timeAdded }));
  return [...kept, ...added];
}

/** One NoExecute taint instead of the other; `undefined` if nothing changes. */
export function swapped(
  { spec }: Node,
  { add, remove, timeAdded }: { add?: string; remove: readonly string[]; timeAdded: string },
): readonly Taint[] | undefined {
  const taints = spec.taints ?? [];
  const kept = taints.filter(({ key, effect }) => effect !== 'NoExecute' || !remove.includes(key));
  const isThere = add === undefined || hasNoExecute(spec, add);
  if (isThere && kept.length === taints.length) return undefined;
  return isThere ? kept : [...kept, { key: add, effect: 'NoExecute', timeAdded }];
}

export function hasNoExecute({ taints }: Node['spec'], wanted: string): boolean {
  return taints?.some(({ key, effect }) => effect === 'NoExecute' && key === wanted) ?? false;
}

export async function writeTaints(
  cluster: Pick<Writer, 'patch'>,
  { metadata: { name, resourceVersion } }: Node,
  taints: readonly Taint[],
): Promise<Node> {
  const body = {
    metadata: { resourceVersion },
    spec: { taints: taints.length > 0 ? taints : null },
  };
  return await cluster.patch(nodes, { name }, { type: 'merge', body });
}
