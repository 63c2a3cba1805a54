import { nodes } from '#shared/api/core/node.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { Node, Pod } from '#shared/api/types/core-v1.ts';
import { cacheIndex, controller, trigger, type ReconcileContext } from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { byNode, markDisrupted } from './pods/disruption.ts';
import { isTerminal } from './pods/pod-state.ts';
import { byCreation } from './values.ts';

/** Ended pods beyond this many are deleted, oldest first. */
const mostTerminated = 12_500;
/** A node may come back: its pods stay that long (upstream looks every 20 s and waits 40). */
const quarantineMs = 55_000;
const heldCheckMs = 5_000;
const terminatedKey = '#terminated';
const outOfService = 'node.kubernetes.io/out-of-service';

/** Removes pods that nothing else will remove: of nodes that are gone, and too many that ended. */
export const podGcController = controller<Node>({
  name: 'pod-garbage-collector',
  watches: nodes,
  indexes: [byNode, cacheIndex(pods, 'terminated', (pod) => (isTerminal(pod) ? ['yes'] : []))],
  wakes({ before, after }) {
    if (!after) return [{ key: before!.metadata.name, afterMs: quarantineMs }];
    return after.spec.taints?.some(({ key }) => key === outOfService) ? [after.metadata.name] : [];
  },
  triggers: [
    trigger(pods, ({ before, after }, cache) => {
      const { nodeName } = after?.spec ?? {};
      const isNews = nodeName && before?.spec.nodeName !== nodeName;
      if (isNews && !cache.get(nodes, nodeName)) return [{ key: nodeName, afterMs: quarantineMs }];
      if (after && isTerminal(after) && !(before && isTerminal(before)))
        return [{ key: terminatedKey, afterMs: 20_000 }];
      return [];
    }),
  ],

  async reconcile(node, context) {
    const { spec, status, metadata } = node;
    const isReady = status.conditions?.some((one) => one.type === 'Ready' && one.status === 'True');
    if (isReady || !spec.taints?.some(({ key }) => key === outOfService)) return;
    for (const pod of context.cache.by(pods, 'node', metadata.name))
      if (pod.metadata.deletionTimestamp) await remove(pod, context);
  },

  async gone(context) {
    if (context.key === terminatedKey) {
      await removeTerminated(context);
      return undefined;
    }
    const { cache, cluster, key } = context;
    const orphans = [...cache.by(pods, 'node', key)];
    if (orphans.length === 0) return undefined;
    // After a sleep, nodes have their chance to come back first.
    if (context.clock.pauses?.isHeld) return { afterMs: heldCheckMs };
    try {
      await cluster.get(nodes, { name: key });
      return undefined;
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
    }
    for (const pod of orphans) {
      const said = { reason: 'DeletionByPodGC', message: 'PodGC: node no longer exists' };
      await remove(pod, context, said);
    }
    return undefined;
  },
});

async function removeTerminated(context: ReconcileContext): Promise<void> {
  const ended = [...context.cache.by(pods, 'terminated', 'yes')];
  const surplus = ended.length - mostTerminated;
  if (surplus <= 0) return;
  for (const pod of ended.sort(byCreation).slice(0, surplus)) await remove(pod, context);
}

async function remove(
  pod: Pod,
  context: ReconcileContext,
  said?: { readonly reason: string; readonly message: string },
): Promise<void> {
  const { namespace, name, uid } = pod.metadata;
  try {
    if (said && !isTerminal(pod)) await markDisrupted(context, pod, { ...said, phase: 'Failed' });
    const call = { gracePeriodSeconds: 0, preconditions: { uid } };
    await context.cluster.delete(pods, { namespace, name }, call);
  } catch (error) {
    if (!ApiError.is(error, 'NotFound')) throw error;
  }
}
