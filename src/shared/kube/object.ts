import type { ListMeta, ObjectMeta } from '#shared/kube/types/meta-v1.ts';

/** Any object of the API. Deeply readonly on purpose: every object may be shared with a cache. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

export interface KubeList<T extends KubeObject = KubeObject> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ListMeta;
  readonly items: readonly T[];
}

/** An object as somebody posts it: the server adds identity, kind and whatever has a default. */
export type New<T extends KubeObject> = Partial<Omit<T, 'metadata'>> & {
  readonly metadata: Partial<ObjectMeta>;
};

/**
 * The same shape, open for change. An object is a draft only while it belongs to one request:
 * decoded, defaulted, admitted in place. Once stored it is shared and never changes again.
 */
export type Draft<T> = T extends readonly (infer Item)[]
  ? Draft<Item>[]
  : T extends object
    ? { -readonly [K in keyof T]: Draft<T[K]> }
    : T;

/** Where an object lives. `namespace` is absent for cluster-scoped kinds. */
export interface ObjectKey {
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** `namespace/name`, or just the name: upstream's MetaNamespaceKeyFunc. */
export function keyOf({ namespace, name }: ObjectKey): string {
  return namespace ? `${namespace}/${name}` : name;
}

/** The reverse of `keyOf`. */
export function parseKey(key: string): ObjectKey {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
