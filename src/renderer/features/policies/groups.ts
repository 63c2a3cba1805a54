import type { Pod } from '#shared/api/types/core-v1.ts';
import { keyOf } from '#shared/kube/object.ts';

/** Pods of one namespace with the same labels: policies cannot tell them apart. */
export interface PodGroup {
  /** `namespace/name`, and a number where that is not enough. */
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  /** `app=web,tier=front`; '' without labels. */
  readonly labels: string;
  readonly pods: readonly Pod[];
}

/** Labels that controllers put on each of their pods; no sensible policy selects by them. */
const volatile = new Set([
  'pod-template-hash',
  'controller-revision-hash',
  'pod-template-generation',
  'statefulset.kubernetes.io/pod-name',
  'apps.kubernetes.io/pod-index',
  'batch.kubernetes.io/controller-uid',
  'batch.kubernetes.io/job-completion-index',
  'controller-uid',
]);
const naming = ['app.kubernetes.io/name', 'app', 'k8s-app', 'name', 'run', 'job-name', 'component'];

export function groupsOf(pods: Iterable<Pod>): readonly PodGroup[] {
  const all = Map.groupBy(
    pods,
    ({ metadata }) => `${metadata.namespace} ${labelsOf(metadata.labels)}`,
  );
  const names = new Map<string, number>();
  return [...all]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, members]): PodGroup => {
      const { namespace = '', labels = {} } = members[0]!.metadata;
      const name = nameOf(members);
      const times = (names.get(`${namespace}/${name}`) ?? 0) + 1;
      names.set(`${namespace}/${name}`, times);
      const unique = times > 1 ? `${name} ${times}` : name;
      return {
        id: `${namespace}/${unique}`,
        namespace,
        name: unique,
        labels: labelsOf(labels),
        pods: members,
      };
    });
}

/** By pod key. */
export function groupByPod(groups: readonly PodGroup[]): ReadonlyMap<string, PodGroup> {
  return new Map(
    groups.flatMap((group) => group.pods.map(({ metadata }) => [keyOf(metadata), group] as const)),
  );
}

function labelsOf(labels: Readonly<Record<string, string>> = {}): string {
  return Object.entries(labels)
    .filter(([name]) => !volatile.has(name))
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(',');
}

function nameOf(members: readonly Pod[]): string {
  const { labels = {}, name } = members[0]!.metadata;
  for (const label of naming) if (labels[label]) return labels[label];
  const [first] = Object.entries(labels).filter(([label]) => !volatile.has(label));
  return first ? `${first[0]}=${first[1]}` : members.length === 1 ? name : 'without labels';
}
