import { createHash } from 'node:crypto';
import { groupVersionOf, type Resource } from '#shared/kube/resource.ts';

/** Tells a client when objects must be stored anew; `undefined` for kinds that are never stored. */
export function storageVersionHash(resource: Resource): string | undefined {
  if (!resource.storage) return undefined;
  const groupVersion = resource.storage.groupVersion ?? groupVersionOf(resource);
  const qualified = groupVersion.includes('/') ? groupVersion : `/${groupVersion}`;
  const digest = createHash('sha256').update(`${qualified}/${resource.kind}`).digest();
  return digest.subarray(0, 8).toString('base64');
}
