import { keyOf, type KubeObject } from '#shared/kube/object.ts';
import type { Activity } from '#shared/overview/activity.ts';

/** Managers that act on their own: what they write follows from what somebody else has asked for. */
const machinery = new Set([
  'cloud-controller-manager',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'local-path-provisioner',
]);

/** Who last changed what, from the fields that each manager owns; not what the cluster does by itself. */
export function editsOf(objects: Iterable<KubeObject>): readonly Activity[] {
  const edits: Activity[] = [];
  for (const { kind, apiVersion, metadata } of objects) {
    for (const { manager = '', operation, time, subresource } of metadata.managedFields ?? []) {
      if (time === undefined || machinery.has(manager)) continue;
      const key = keyOf(metadata);
      edits.push({
        id: `${metadata.uid} ${manager} ${operation} ${subresource ?? ''}`,
        isWarning: false,
        at: time,
        object: { apiVersion, kind, key },
        reason: operation === 'Apply' ? 'Applied' : 'Changed',
        message: `by ${manager}${subresource ? `, its ${subresource}` : ''}`,
        count: 1,
      });
    }
  }
  return edits;
}
