import type { Pod } from '#shared/api/types/core-v1.ts';
import type { Endpoint } from '#shared/policy/index.ts';
import { keyOf } from '#shared/kube/object.ts';
import { parseIp } from '#shared/kube/ip.ts';
import type { PodGroup } from './groups.ts';

/** One side of the question, as somebody wrote it: a group, a pod or an address. */
export type End =
  | { readonly type: 'none' }
  | { readonly type: 'known'; readonly endpoint: Endpoint; readonly group?: PodGroup }
  | { readonly type: 'unknown'; readonly why: string };

export function endOf(
  text: string,
  groups: readonly PodGroup[],
  pods: ReadonlyMap<string, Pod>,
): End {
  const wanted = text.trim();
  if (wanted === '') return { type: 'none' };
  const group = groups.find(({ id }) => id === wanted);
  const [first] = group?.pods ?? [];
  if (group && first) return { type: 'known', endpoint: { pod: first }, group };
  const pod = pods.get(wanted);
  if (pod) {
    const own = groups.find((each) =>
      each.pods.some(({ metadata }) => keyOf(metadata) === keyOf(pod.metadata)),
    );
    return { type: 'known', endpoint: { pod }, ...(own && { group: own }) };
  }
  if (parseIp(wanted)) return { type: 'known', endpoint: { address: wanted } };
  return {
    type: 'unknown',
    why: `“${wanted}” is no group, no namespace/pod and no address`,
  };
}
