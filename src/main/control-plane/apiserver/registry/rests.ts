import type { KindRest } from '#main/control-plane/apiserver/registry/kind-rest.ts';
import type { Resource } from '#shared/kube/resource.ts';

const plain: KindRest = {};

const rests: Readonly<Record<string, KindRest>> = {};

/** What a kind needs beyond its definition. */
export function restOf({ group, plural }: Resource): KindRest {
  return rests[group ? `${plural}.${group}` : plural] ?? plain;
}
