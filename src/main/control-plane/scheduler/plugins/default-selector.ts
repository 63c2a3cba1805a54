import type { Pod } from '#shared/api/types/core-v1.ts';
import {
  createSelector,
  selectorOf,
  type Requirement,
  type Selector,
} from '#shared/kube/selectors.ts';
import type { Listers } from '../listers.ts';

/** The pods that do the same work: selected by the pod's services and by its controller. */
export function defaultSelector({ metadata }: Pod, listers: Listers): Selector {
  const namespace = metadata.namespace ?? '';
  const labels: Record<string, string> = {};
  for (const { spec } of listers.services.by('namespace', namespace)) {
    const selector = Object.entries(spec?.selector ?? {});
    if (selector.length === 0) continue;
    if (selector.every(([key, value]) => metadata.labels?.[key] === value))
      Object.assign(labels, spec?.selector);
  }
  const owner = metadata.ownerReferences?.find(({ controller }) => controller);
  const key = `${namespace}/${owner?.name}`;
  const more: Requirement[] = [];
  if (owner?.apiVersion === 'v1' && owner.kind === 'ReplicationController')
    Object.assign(labels, listers.replicationControllers.get(key)?.spec?.selector);
  else if (owner?.apiVersion === 'apps/v1' && owner.kind === 'ReplicaSet')
    more.push(...selectorOf(listers.replicaSets.get(key)?.spec?.selector).requirements);
  else if (owner?.apiVersion === 'apps/v1' && owner.kind === 'StatefulSet')
    more.push(...selectorOf(listers.statefulSets.get(key)?.spec?.selector).requirements);
  const equalities = Object.entries(labels).map(([name, value]): Requirement => ({
    key: name,
    operator: 'Equals',
    values: [value],
  }));
  return createSelector([...equalities, ...more]);
}
