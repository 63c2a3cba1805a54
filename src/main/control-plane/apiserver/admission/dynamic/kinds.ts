import type { AdmissionRequest } from '#main/control-plane/apiserver/admission/plugin.ts';
import type { Catalog, ServedResource } from '#main/control-plane/apiserver/catalog.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface GroupVersionResource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
}

export function resourceOf({ group, version, plural }: Resource): GroupVersionResource {
  return { group, version, resource: plural };
}

/** The kind that a request carries: a subresource may have one of its own. */
export function kindOf(resource: Resource, subresource: string): GroupVersionKind {
  const own = subresource && resource.subresources?.find(({ name }) => name === subresource);
  if (!own) return { group: resource.group, version: resource.version, kind: resource.kind };
  if (own.groupVersion === undefined) {
    return { group: resource.group, version: resource.version, kind: own.kind };
  }
  const [first = '', second] = own.groupVersion.split('/');
  return { group: second ? first : '', version: second ?? first, kind: own.kind };
}

/** The same objects in other groups and versions, as far as they have the subresource. */
export function equivalentsOf(
  catalog: Catalog,
  { resource, subresource }: Pick<AdmissionRequest, 'resource' | 'subresource'>,
): ServedResource[] {
  const served = catalog.of(resource);
  if (!served?.cache) return [];
  return [...catalog.values()].filter(
    (other) =>
      other !== served &&
      other.cache === served.cache &&
      (subresource === '' ||
        other.resource.subresources?.some(({ name }) => name === subresource) === true),
  );
}

/** The object in the version of another resource that holds the same. */
export async function convertTo(
  from: ServedResource,
  to: ServedResource,
  object: KubeObject,
): Promise<KubeObject> {
  if (from === to) return object;
  const copy = structuredClone(object) as Draft<KubeObject>;
  const { convert, convertLater } = to.form;
  if (convertLater) return (await convertLater([copy]))[0]!;
  const stored = from.toStored ? await from.toStored(copy) : copy;
  return convert ? convert(stored) : stored;
}
