import { nodes } from '#shared/api/core/node.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { Node, Pod, Taint, Toleration } from '#shared/api/types/core-v1.ts';
import {
  controller,
  trigger,
  type Controller,
  type ReconcileContext,
  type Wake,
} from '#shared/kube/controller.ts';
import { ageOf } from '#shared/base/clock.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { keyOf } from '#shared/kube/object.ts';
import { toleratesTaint } from '#shared/kube/tolerations.ts';
import { byNode, markDisrupted } from './pods/disruption.ts';
import { isTerminal } from './pods/pod-state.ts';
import { isEqual } from './values.ts';

const heldCheckMs = 5000;

/** Deletes pods from nodes whose NoExecute taints they do not, or no longer, tolerate. */
export function createTaintEvictionController(): Controller<Pod> {
  /** When the wait of a pod that tolerates for a while began. */
  const waiting = new Map<string, number>();
  return controller<Pod>({
    name: 'node-controller',
    eventSource: 'taint-eviction-controller',
    watches: pods,
    concurrency: 8,
    indexes: [byNode],
    wakes({ before, after }, cache) {
      const pod = after ?? before!;
      const { nodeName = '' } = pod.spec;
      const isThreatened = noExecute(cache.get(nodes, nodeName)).length > 0;
      if (!isThreatened && !waiting.has(keyOf(pod.metadata))) return [];
      const isPlaced = pod.spec.nodeName && before?.spec.nodeName !== pod.spec.nodeName;
      const isChanged =
        before && after && !isEqual(before.spec.tolerations, after.spec.tolerations);
      return !after || isPlaced || isChanged ? [keyOf(pod.metadata)] : [];
    },
    triggers: [
      trigger(nodes, ({ before, after }, cache) => {
        if (!after || isEqual(noExecute(before), noExecute(after))) return [];
        const wakes: Wake[] = [];
        for (const pod of cache.by(pods, 'node', after.metadata.name))
          wakes.push(keyOf(pod.metadata));
        return wakes;
      }),
    ],

    async reconcile(pod, context) {
      const { key, cache, clock, events } = context;
      if (pod.metadata.deletionTimestamp || isTerminal(pod)) return void waiting.delete(key);
      const node = pod.spec.nodeName ? cache.get(nodes, pod.spec.nodeName) : undefined;
      const left = untilEviction(noExecute(node), pod.spec.tolerations);
      if (left === undefined) {
        if (waiting.delete(key)) {
          const message = `Cancelling deletion of Pod ${key}`;
          events.record(pod, 'Normal', 'TaintManagerEviction', message);
        }
        return undefined;
      }
      const since = waiting.get(key) ?? clock.now();
      // While the nodes have their chance to report after a sleep, nobody is sent away.
      const heldMs = clock.pauses?.isHeld ? heldCheckMs : 0;
      const remaining = Math.max(left * 1000 - ageOf(clock, since), heldMs);
      if (remaining > 0) {
        waiting.set(key, since);
        return { afterMs: remaining };
      }
      waiting.delete(key);
      await evict(pod, context);
      return undefined;
    },

    async gone({ key }) {
      waiting.delete(key);
    },
  });
}

async function evict(pod: Pod, context: ReconcileContext): Promise<void> {
  const { namespace, name } = pod.metadata;
  const message = `Marking for deletion Pod ${context.key}`;
  context.events.record(pod, 'Normal', 'TaintManagerEviction', message);
  try {
    await markDisrupted(context, pod, {
      reason: 'DeletionByTaintManager',
      message: 'Taint manager: deleting due to NoExecute taint',
    });
    await context.cluster.delete(pods, { namespace, name });
  } catch (error) {
    if (!ApiError.is(error, 'NotFound')) throw error;
  }
}

function noExecute(node: Node | undefined): readonly Taint[] {
  return (node?.spec.taints ?? []).filter(({ effect }) => effect === 'NoExecute');
}

/** Seconds that the pod may stay; 0 for none, `undefined` for ever. */
export function untilEviction(
  taints: readonly Taint[],
  tolerations: readonly Toleration[] = [],
): number | undefined {
  let least: number | undefined;
  for (const taint of taints) {
    const matching = tolerations.filter((toleration) => toleratesTaint(toleration, taint));
    if (matching.length === 0) return 0;
    for (const { tolerationSeconds } of matching)
      if (tolerationSeconds !== undefined)
        least = Math.min(least ?? Infinity, Math.max(0, tolerationSeconds));
  }
  return least;
}
