import { nodes } from '#shared/api/core/node.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { sleep, type Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { patchTypes } from '#shared/client/transport.ts';
import { ApiError } from '#shared/kube/errors.ts';

export interface LeaveOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
  podsOn(node: string): Iterable<Pod>;
  readonly signal: AbortSignal;
}

const retryMs = 1000;
/** After so long without room elsewhere, pods are deleted though a disruption budget minds. */
const patienceMs = 60_000;

/** Cordons the node, moves its pods away as `kubectl drain` does, and deletes it. */
export async function drainAndRemove(node: string, options: LeaveOptions): Promise<void> {
  const { cluster, clock, log, podsOn, signal } = options;
  try {
    log.info('Simulated node leaves', { node });
    const body = { spec: { unschedulable: true } };
    await cluster.patch(nodes, { name: node }, { type: patchTypes.merge, body });
    const until = clock.elapsed() + patienceMs;
    for (;;) {
      const staying = [...podsOn(node)].filter(isMovable);
      if (staying.length === 0) break;
      const isPatient = clock.elapsed() < until;
      await Promise.all(staying.map((pod) => moveAway(cluster, pod, isPatient)));
      await sleep(clock, retryMs, signal);
    }
    await cluster.delete(nodes, { name: node });
  } catch (error) {
    if (signal.aborted || ApiError.is(error, 'NotFound')) return;
    log.error('Cannot remove a simulated node; it goes at the next start', { node, error });
  }
}

/** Pods of a DaemonSet belong to their node and end with it; a mirror pod cannot be moved. */
function isMovable({ metadata }: Pod): boolean {
  const { ownerReferences = [], annotations = {} } = metadata;
  return (
    !ownerReferences.some(({ kind, controller }) => controller === true && kind === 'DaemonSet') &&
    annotations['kubernetes.io/config.mirror'] === undefined
  );
}

async function moveAway(cluster: Cluster, pod: Pod, isPatient: boolean): Promise<void> {
  const { name, namespace, deletionTimestamp } = pod.metadata;
  if (deletionTimestamp !== undefined) return;
  try {
    if (!isPatient) await cluster.delete(pods, { name, namespace });
    else {
      const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
      await cluster.post(pods, { name, namespace, subresource: 'eviction' }, eviction);
    }
  } catch (error) {
    // A budget refuses for now, or the pod has gone meanwhile: the next round sees.
    if (!ApiError.is(error, 'TooManyRequests', 'NotFound', 'Conflict')) throw error;
  }
}
