import { randomBytes, randomUUID } from 'node:crypto';
import type { Clock } from '#shared/base/clock.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';
import type { OwnerReference } from '#shared/kube/types/meta-v1.ts';

type Metadata = Draft<KubeObject>['metadata'];
/** A draft's metadata while the server still has to complete it. */
export type OpenMetadata = Partial<Metadata>;

/** No vowels and no look-alikes: upstream's alphabet. */
const suffixAlphabet = 'bcdfghjklmnpqrstvwxz2456789';
const suffixLength = 5;
const longestGeneratedName = 63;

/** RFC 3339 in UTC with whole seconds, as `metav1.Time` is written. */
export function timestamp(clock: Clock): string {
  const seconds = Math.floor(clock.now() / 1000);
  if (seconds !== lastSecond) {
    lastSecond = seconds;
    lastText = `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
  }
  return lastText;
}

let lastSecond = -1;
let lastText = '';

/** What only the server may set is dropped, as upstream's WipeObjectMetaSystemFields. */
export function wipeSystemFields(metadata: OpenMetadata): void {
  delete (metadata as { selfLink?: string }).selfLink;
  delete metadata.uid;
  delete metadata.creationTimestamp;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
}

export function fillSystemFields(metadata: OpenMetadata, clock: Clock): void {
  metadata.uid = randomUUID();
  metadata.creationTimestamp = timestamp(clock);
}

export function generateName(base: string): string {
  const kept = base.slice(0, longestGeneratedName - suffixLength);
  let suffix = '';
  while (suffix.length < suffixLength) {
    for (const byte of randomBytes(suffixLength * 2)) {
      // Bytes beyond the last whole multiple of the alphabet would favour its beginning.
      if (byte < 243 && suffix.length < suffixLength) suffix += suffixAlphabet[byte % 27];
    }
  }
  return kept + suffix;
}

/** The object goes where the request says, and may not say otherwise. */
export function settleNamespace(
  metadata: OpenMetadata,
  resource: Resource,
  requestNamespace: string,
): void {
  const expected = resource.scope === 'Namespaced' ? requestNamespace : '';
  const given = metadata.namespace ?? '';
  if (given === expected) return;
  if (given === '') metadata.namespace = expected;
  else if (expected === '') delete metadata.namespace;
  else {
    throw new ApiError(
      'BadRequest',
      'the namespace of the provided object does not match the namespace sent on the request',
    );
  }
}

/** Upstream drops repeated owner references, with a warning that names their uids. */
export function dropRepeatedOwners(
  metadata: OpenMetadata,
  warn: (sentence: string) => void,
  options: { readonly isAfterAdmission: boolean },
): void {
  const owners = metadata.ownerReferences;
  if (!owners || owners.length < 2) return;
  const seen = new Set<string>();
  const repeated: string[] = [];
  const kept = owners.filter((owner) => {
    const key = ownerKey(owner);
    if (seen.has(key)) repeated.push(owner.uid);
    const isNew = !seen.has(key);
    seen.add(key);
    return isNew;
  });
  if (repeated.length === 0) return;
  metadata.ownerReferences = kept;
  const when = options.isAfterAdmission ? 'after mutating admission' : 'in the API request';
  const uids = [...new Set(repeated)].join(', ');
  warn(
    options.isAfterAdmission
      ? `.metadata.ownerReferences contains duplicate entries ${when} happens; API server dedups owner references in 1.20+, please fix your requests; UID(s) ${uids} removed`
      : `.metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${uids}`,
  );
}

function ownerKey(owner: OwnerReference): string {
  const { apiVersion, kind, name, uid, controller, blockOwnerDeletion } = owner;
  return JSON.stringify([apiVersion, kind, name, uid, controller, blockOwnerDeletion]);
}
