import type { KubeObject } from '#shared/kube/object.ts';
import { groupVersionOf, type ResourceId } from '#shared/kube/resource.ts';
import type { ObjectMeta, OwnerReference } from '#shared/kube/types/meta-v1.ts';

/** The one owner that manages the object, if any. */
export function controllerOf(
  metadata: Pick<ObjectMeta, 'ownerReferences'> | undefined,
): OwnerReference | undefined {
  const references = metadata?.ownerReferences;
  if (references)
    for (const reference of references) if (reference.controller === true) return reference;
  return undefined;
}

/** What a controller writes into what it owns: upstream's NewControllerRef. */
export function controllerReference(
  resource: Pick<ResourceId, 'group' | 'version' | 'kind'>,
  { metadata: { name, uid } }: KubeObject,
): OwnerReference {
  return {
    apiVersion: groupVersionOf(resource),
    kind: resource.kind,
    name,
    uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** `group` of an `apiVersion`; the core group is ''. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? '' : apiVersion.slice(0, slash);
}
