import type { ReplicaSet } from '#shared/api/types/apps-v1.ts';
import type { Pod, Service } from '#shared/api/types/core-v1.ts';
import { keyOf, type KubeObject } from '#shared/kube/object.ts';

/** Another object, and how this one is bound to it. */
export interface Relation {
  readonly how: string;
  /** As `kindId` names it. */
  readonly kind: string;
  /** `namespace/name`. */
  readonly key: string;
}

export interface Neighbours {
  readonly pods: Iterable<Pod>;
  readonly services: Iterable<Service>;
  readonly replicaSets: Iterable<ReplicaSet>;
  /** As `kindId` names the kind of a reference; undefined where it is not served. */
  kindOf(
    apiVersion: string,
    kind: string,
  ): { readonly id: string; readonly isNamespaced: boolean } | undefined;
}

/** What an object is bound to: owners, owned, what it selects and by what it is selected, what it uses. */
export function relationsOf(object: KubeObject, neighbours: Neighbours): readonly Relation[] {
  return [
    ...owners(object, neighbours),
    ...owned(object, neighbours),
    ...selections(object, neighbours),
    ...uses(object),
  ];
}

function owners({ metadata }: KubeObject, { kindOf }: Neighbours): readonly Relation[] {
  return (metadata.ownerReferences ?? []).flatMap(({ apiVersion, kind, name }) => {
    const known = kindOf(apiVersion, kind);
    const namespace = known?.isNamespaced ? metadata.namespace : undefined;
    return known ? [{ how: 'owned by', kind: known.id, key: keyOf({ namespace, name }) }] : [];
  });
}

function owned({ metadata }: KubeObject, { pods, replicaSets }: Neighbours): readonly Relation[] {
  const isOwned = (other: KubeObject): boolean =>
    other.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid) ?? false;
  const of = (kind: string, others: Iterable<KubeObject>): readonly Relation[] =>
    [...others].filter(isOwned).map((other) => ({ how: 'owns', kind, key: keyOf(other.metadata) }));
  return [...of('replicasets.apps', replicaSets), ...of('pods', pods)];
}

function selections(object: KubeObject, { pods, services }: Neighbours): readonly Relation[] {
  const { namespace, labels = {} } = object.metadata;
  if (object.kind === 'Service') {
    const { selector } = (object as Service).spec ?? {};
    return [...pods]
      .filter(
        ({ metadata }) => metadata.namespace === namespace && selects(selector, metadata.labels),
      )
      .map(({ metadata }) => ({ how: 'selects', kind: 'pods', key: keyOf(metadata) }));
  }
  if (object.kind !== 'Pod') return [];
  return [...services]
    .filter(
      ({ metadata, spec }) => metadata.namespace === namespace && selects(spec?.selector, labels),
    )
    .map(({ metadata }) => ({ how: 'selected by', kind: 'services', key: keyOf(metadata) }));
}

/** A service without a selector selects nothing. */
function selects(
  selector: Readonly<Record<string, string>> | undefined,
  labels: Readonly<Record<string, string>> = {},
): boolean {
  const wanted = Object.entries(selector ?? {});
  return wanted.length > 0 && wanted.every(([name, value]) => labels[name] === value);
}

/** What a pod (or a pod template) mounts and reads. */
function uses(object: KubeObject): readonly Relation[] {
  const { spec } = object as {
    readonly spec?: PodSpecParts & { readonly template?: { readonly spec?: PodSpecParts } };
  };
  const pod = object.kind === 'Pod' ? spec : spec?.template?.spec;
  if (!pod) return [];
  const { namespace } = object.metadata;
  const named = (how: string, kind: string, name: string | undefined): readonly Relation[] =>
    name ? [{ how, kind, key: keyOf({ namespace, name }) }] : [];
  const mounted = (pod.volumes ?? []).flatMap((volume) => [
    ...named('mounts', 'configmaps', volume.configMap?.name),
    ...named('mounts', 'secrets', volume.secret?.secretName),
    ...named('mounts', 'persistentvolumeclaims', volume.persistentVolumeClaim?.claimName),
  ]);
  const read = (pod.containers ?? []).flatMap(({ env = [], envFrom = [] }) => [
    ...env.flatMap(({ valueFrom }) => [
      ...named('reads', 'configmaps', valueFrom?.configMapKeyRef?.name),
      ...named('reads', 'secrets', valueFrom?.secretKeyRef?.name),
    ]),
    ...envFrom.flatMap(({ configMapRef, secretRef }) => [
      ...named('reads', 'configmaps', configMapRef?.name),
      ...named('reads', 'secrets', secretRef?.name),
    ]),
  ]);
  const as = named('acts as', 'serviceaccounts', pod.serviceAccountName);
  const on = pod.nodeName ? [{ how: 'runs on', kind: 'nodes', key: pod.nodeName }] : [];
  return unique([...mounted, ...read, ...as, ...on]);
}

type PodSpecParts = Partial<
  Pick<Pod['spec'], 'volumes' | 'containers' | 'serviceAccountName' | 'nodeName'>
>;

function unique(relations: readonly Relation[]): readonly Relation[] {
  return [
    ...new Map(relations.map((each) => [`${each.how} ${each.kind} ${each.key}`, each])).values(),
  ];
}
