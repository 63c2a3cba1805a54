import type { KubeObject } from '#shared/kube/object.ts';

/** Where `kubectl apply` keeps the whole object that it was given. */
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/** The object without a word of what it once held: of a secret that is its values, in the clear. */
export function withoutLastApplied<T extends Pick<KubeObject, 'metadata'>>(object: T): T {
  const { annotations, ...metadata } = object.metadata;
  if (annotations?.[lastApplied] === undefined) return object;
  return {
    ...object,
    metadata: { ...metadata, annotations: { ...annotations, [lastApplied]: '(hidden)' } },
  };
}
