import type { ServedResource } from '#main/control-plane/apiserver/catalog.ts';
import type { Entry } from '#main/control-plane/apiserver/storage/entry.ts';
import type { ListPage } from '#main/control-plane/apiserver/storage/lister.ts';
import { groupVersionOf } from '#shared/kube/resource.ts';
import type { ListMeta } from '#shared/kube/types/meta-v1.ts';

export function listMetaOf({ revision, remainingItemCount, continue: token }: ListPage): ListMeta {
  return {
    ...(revision > 0 && { resourceVersion: String(revision) }),
    ...(token && { continue: token }),
    ...(remainingItemCount !== undefined && { remainingItemCount }),
  };
}

const tail = Buffer.from(']}\n');
const comma = 0x2c;

/** A list as JSON, put together from the bytes that its items already have. */
export function encodeJsonList({ resource, form }: ServedResource, page: ListPage): Buffer {
  const head = Buffer.from(
    `{"kind":"${resource.kind}List","apiVersion":"${groupVersionOf(resource)}","metadata":${JSON.stringify(listMetaOf(page))},"items":[`,
  );
  const entries: readonly Entry[] = page.entries.map((entry) => entry.as(form));
  let length = head.length + tail.length + Math.max(entries.length - 1, 0);
  for (const entry of entries) length += entry.itemLength;
  const target = Buffer.allocUnsafe(length);
  let at = head.copy(target, 0);
  for (const [index, entry] of entries.entries()) {
    if (index > 0) target[at++] = comma;
    at = entry.writeItem(target, at);
  }
  tail.copy(target, at);
  return target;
}
