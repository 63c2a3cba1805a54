import { statefulSets } from '#shared/api/apps/stateful-set.ts';
import type { StatefulSet } from '#shared/api/types/apps-v1.ts';
import type { PersistentVolumeClaim, Pod, PodTemplateSpec } from '#shared/api/types/core-v1.ts';
import type { New } from '#shared/kube/object.ts';
import { controllerReference } from '#shared/kube/owners.ts';
import { podFromTemplate } from '../pods/pod-control.ts';

const podNameLabel = 'statefulset.kubernetes.io/pod-name';
const podIndexLabel = 'apps.kubernetes.io/pod-index';
export const revisionLabel = 'controller-revision-hash';

/** The set that a pod's name belongs to and its ordinal; -1 for a name without one. */
export function parentAndOrdinal(podName: string): { parent: string; ordinal: number } {
  const match = /^(.*)-(\d+)$/s.exec(podName);
  const ordinal = Number(match?.[2] ?? -1);
  if (!match) return { parent: '', ordinal: -1 };
  return { parent: match[1]!, ordinal: ordinal > 0x7fffffff ? -1 : ordinal };
}

export const ordinalOf = ({
  metadata,
}: {
  readonly metadata: { readonly name?: string };
}): number => parentAndOrdinal(metadata.name ?? '').ordinal;

export const replicasOf = ({ spec }: StatefulSet): number => spec.replicas ?? 1;
export const startOf = ({ spec }: StatefulSet): number => spec.ordinals?.start ?? 0;

export function isInRange(set: StatefulSet, ordinal: number): boolean {
  return ordinal >= startOf(set) && ordinal < startOf(set) + replicasOf(set);
}

export type DraftPod = New<Pod> & { readonly metadata: { readonly name: string } };

/** The pod of one ordinal by one template. */
export function newPod(
  set: StatefulSet,
  { template, revision }: { readonly template: PodTemplateSpec; readonly revision: string },
  ordinal: number,
): DraftPod {
  const { name: setName, namespace } = set.metadata;
  const name = `${setName}-${ordinal}`;
  const draft = podFromTemplate(template, setName, controllerReference(statefulSets, set));
  const { serviceName } = set.spec;
  return {
    ...draft,
    metadata: {
      ...draft.metadata,
      name,
      namespace: namespace!,
      labels: {
        ...draft.metadata.labels,
        ...identityLabels(name, ordinal),
        [revisionLabel]: revision,
      },
    },
    spec: {
      ...draft.spec!,
      hostname: name,
      ...(serviceName && { subdomain: serviceName }),
      ...withClaims(set, draft.spec?.volumes, ordinal),
    },
  };
}

function identityLabels(name: string, ordinal: number): Readonly<Record<string, string>> {
  return { [podNameLabel]: name, [podIndexLabel]: String(ordinal) };
}

export const claimNameOf = (set: StatefulSet, template: string, ordinal: number): string =>
  `${template}-${set.metadata.name}-${ordinal}`;

type Volumes = Pod['spec']['volumes'];

/** The claims' volumes take the place of the template's volumes of the same names. */
function withClaims(
  set: StatefulSet,
  volumes: Volumes,
  ordinal: number,
): { readonly volumes?: NonNullable<Volumes> } {
  const templates = (set.spec.volumeClaimTemplates ?? []).map(({ metadata }) => metadata.name);
  if (templates.length === 0) return volumes ? { volumes } : {};
  const claimed = templates.map((name) => ({
    name,
    persistentVolumeClaim: { claimName: claimNameOf(set, name, ordinal) },
  }));
  return {
    volumes: [...claimed, ...(volumes ?? []).filter(({ name }) => !templates.includes(name))],
  };
}

/** The claims that a pod of this ordinal needs. */
export function claimsFor(
  set: StatefulSet,
  ordinal: number,
): (New<PersistentVolumeClaim> & { readonly metadata: { readonly name: string } })[] {
  return (set.spec.volumeClaimTemplates ?? []).map((template) => ({
    ...template,
    metadata: {
      ...template.metadata,
      name: claimNameOf(set, template.metadata.name, ordinal),
      namespace: set.metadata.namespace!,
      labels: { ...template.metadata.labels, ...set.spec.selector?.matchLabels },
    },
  }));
}

export function hasIdentity(set: StatefulSet, { metadata }: Pod): boolean {
  const { parent, ordinal } = parentAndOrdinal(metadata.name);
  return (
    ordinal >= 0 &&
    parent === set.metadata.name &&
    metadata.labels?.[podNameLabel] === metadata.name
  );
}

export function hasStorage(set: StatefulSet, { metadata, spec }: Pod): boolean {
  const { ordinal } = parentAndOrdinal(metadata.name);
  if (ordinal < 0) return false;
  return (set.spec.volumeClaimTemplates ?? []).every(
    ({ metadata: { name } }) =>
      spec.volumes?.find((volume) => volume.name === name)?.persistentVolumeClaim?.claimName ===
      claimNameOf(set, name, ordinal),
  );
}

/** The pod with the labels and volumes that it should have. */
export function withIdentityAndStorage(set: StatefulSet, pod: Pod): Pod {
  const { name, labels } = pod.metadata;
  const { ordinal } = parentAndOrdinal(name);
  const identity = hasIdentity(set, pod) ? {} : identityLabels(name, ordinal);
  const storage = hasStorage(set, pod) ? {} : withClaims(set, pod.spec.volumes, ordinal);
  return {
    ...pod,
    metadata: { ...pod.metadata, labels: { ...labels, ...identity } },
    spec: { ...pod.spec, ...storage },
  };
}
