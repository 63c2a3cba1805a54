import type { Pod } from '#shared/api/types/core-v1.ts';
import { annotations } from '../containers/labels.ts';
import type { RuntimePod } from '../runtime-state.ts';

/** As much of a pod as its containers still say: enough to end it well. */
export function orphanPod({ uid, name, namespace, containers }: RuntimePod): Pod {
  const stated = containers[0]?.annotations[annotations.terminationGrace];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, uid } as Pod['metadata'],
    spec: { containers: [], terminationGracePeriodSeconds: Number(stated ?? 30) },
    status: {},
  };
}
