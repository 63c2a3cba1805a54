import type { ServedResource } from '#main/control-plane/apiserver/catalog.ts';
import { encodeObject, Entry } from '#main/control-plane/apiserver/storage/entry.ts';
import type { ResourceCache } from '#main/control-plane/apiserver/storage/resource-cache.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';

/** Where the kind is kept; throws `MethodNotAllowed` for kinds that are only answered. */
export function cacheOf({ cache, resource }: ServedResource): ResourceCache {
  if (cache) return cache;
  throw methodNotAllowed(resource, 'list');
}

/** The draft in the version that is stored. */
export function toStored(
  served: ServedResource,
  draft: Draft<KubeObject>,
): Draft<KubeObject> | Promise<Draft<KubeObject>> {
  return served.toStored ? served.toStored(draft) : draft;
}

/** What would have been stored; revision 0 stands for an object that was never there. */
export function dryRunEntry(
  { form }: ServedResource,
  draft: Draft<KubeObject>,
  revision: number,
): Entry {
  return new Entry(form, encodeObject(form, draft), revision);
}

export function methodNotAllowed(
  { group, plural }: { readonly group: string; readonly plural: string },
  verb: string,
): ApiError {
  const what = group ? `${plural}.${group}` : plural;
  return new ApiError(
    'MethodNotAllowed',
    `${verb} is not supported on resources of kind "${what}"`,
    {
      details: { ...(group && { group }), kind: plural },
    },
  );
}
