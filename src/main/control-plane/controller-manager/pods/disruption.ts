import { pods } from '#shared/api/core/pod.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { cacheIndex, type CacheIndex, type ReconcileContext } from '#shared/kube/controller.ts';
import { nowText } from '../conditions.ts';

/** Pods by the node that they are on. */
export const byNode: CacheIndex = cacheIndex(pods, 'node', ({ spec }) =>
  spec.nodeName ? [spec.nodeName] : [],
);

/** Writes on a pod why it is about to be deleted, and optionally that it has failed. */
export async function markDisrupted(
  { cluster, clock }: Pick<ReconcileContext, 'cluster' | 'clock'>,
  { metadata, status }: Pod,
  said: { readonly reason: string; readonly message: string; readonly phase?: 'Failed' },
): Promise<void> {
  const { namespace, name, uid, generation } = metadata;
  const { reason, message, phase } = said;
  const known = status.conditions?.find(({ type }) => type === 'DisruptionTarget');
  if (known?.status === 'True' && known.reason === reason && !phase) return;
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason,
    message,
    lastTransitionTime: nowText(clock),
    ...(generation && { observedGeneration: generation }),
  };
  const body = { metadata: { uid }, status: { ...(phase && { phase }), conditions: [condition] } };
  await cluster.patch(
    pods,
    { namespace, name },
    { type: 'strategic', body, subresource: 'status' },
  );
}
