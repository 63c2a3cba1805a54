import {
  scaleHandlers,
  type ScaleShape,
} from '#main/control-plane/apiserver/registry/scale/rest.ts';
import type { KindRest } from '#main/control-plane/apiserver/registry/kind-rest.ts';
import type { ReplicaSet } from '#shared/api/types/apps-v1.ts';
import type { ReplicationController } from '#shared/api/types/core-v1.ts';
import type { LabelSelector } from '#shared/kube/types/meta-v1.ts';
import type { Draft } from '#shared/kube/object.ts';

/** Deployments, replica sets and stateful sets scale alike. */
const workload: ScaleShape = {
  replicas: (object) => (object as ReplicaSet).spec?.replicas ?? 0,
  currentReplicas: (object) => (object as ReplicaSet).status?.replicas ?? 0,
  selector: (object) => formatSelector((object as ReplicaSet).spec?.selector),
  setReplicas(draft, replicas) {
    (draft as Draft<ReplicaSet>).spec.replicas = replicas;
  },
};

const replicationController: ScaleShape = {
  ...workload,
  selector: (object) => formatLabels((object as ReplicationController).spec?.selector),
};

export const workloadRest: KindRest = { handlers: scaleHandlers(workload) };
export const replicationControllerRest: KindRest = {
  handlers: scaleHandlers(replicationController),
};

const words: Readonly<Record<string, string>> = { In: 'in', NotIn: 'notin' };

/** As upstream prints a LabelSelector: `a=b,c in (d,e),!f`. */
export function formatSelector(selector: LabelSelector | undefined): string {
  if (!selector) return '';
  const equalities = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({
    key,
    text: `${key}=${value}`,
  }));
  const expressions = (selector.matchExpressions ?? []).map(({ key, operator, values = [] }) => {
    if (operator === 'Exists') return { key, text: key };
    if (operator === 'DoesNotExist') return { key, text: `!${key}` };
    return { key, text: `${key} ${words[operator] ?? operator} (${[...values].sort().join(',')})` };
  });
  return [...equalities, ...expressions]
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ text }) => text)
    .join(',');
}

function formatLabels(labels: Readonly<Record<string, string>> | undefined): string {
  return formatSelector(labels && { matchLabels: labels });
}
