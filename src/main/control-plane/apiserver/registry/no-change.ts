import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '#shared/kube/object.ts';
import type { Draft } from '#shared/kube/object.ts';

/**
 * A write that changes nothing is no write, and new timestamps in managedFields alone are nothing:
 * the draft then gets the old entries back, as upstream's transformer does.
 */
export function isUnchanged(draft: Draft<KubeObject>, old: KubeObject): boolean {
  const { metadata: newMetadata, ...content } = draft;
  const { metadata: oldMetadata, ...oldContent } = old;
  if (!isDeepStrictEqual(withoutAbsent(content), withoutAbsent(oldContent))) return false;
  const { managedFields: newFields, ...identity } = newMetadata;
  const { managedFields: oldFields, ...oldIdentity } = oldMetadata;
  if (!isDeepStrictEqual(withoutAbsent(identity), withoutAbsent(oldIdentity))) return false;
  return isDeepStrictEqual(timeless(newFields), timeless(oldFields));
}

function timeless(fields: KubeObject['metadata']['managedFields']): readonly unknown[] {
  return (fields ?? []).map(({ time: _time, ...others }) => others);
}

/** Members set to undefined are absent on the wire. */
function withoutAbsent(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined));
}
