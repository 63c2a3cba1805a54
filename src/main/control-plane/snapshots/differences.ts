import type { Difference, SnapshotDifferences } from '#shared/contract/snapshots.ts';

/** A state of the store: the values by key, with the revision it was at. */
export interface StoredState {
  readonly revision: number;
  readonly values: ReadonlyMap<string, Uint8Array>;
}

/** What changes all the time, and means nothing a moment later. */
export const churning: readonly string[] = [
  '/registry/leases/',
  '/registry/events/',
  '/registry/masterleases/',
];

/** More are counted, and not told one by one. */
const differencesAtOnce = 10_000;

/** What is not now as it was then, in the order of the keys. */
export function differencesBetween(past: StoredState, now: StoredState): SnapshotDifferences {
  const differences: Difference[] = [];
  let total = 0;
  let equal = 0;
  let leftOut = 0;
  for (const key of [...new Set([...past.values.keys(), ...now.values.keys()])].sort()) {
    const before = past.values.get(key);
    const after = now.values.get(key);
    if (before && after && Buffer.compare(before, after) === 0) equal++;
    else if (churning.some((prefix) => key.startsWith(prefix))) leftOut++;
    else {
      total++;
      if (total > differencesAtOnce) continue;
      const change = before && after ? 'changed' : before ? 'gone' : 'new';
      differences.push({ key, change, ...identityOf(key, (before ?? after)!) });
    }
  }
  const [revisionThen, revisionNow] = [past.revision, now.revision];
  return { revisionThen, revisionNow, differences, total, equal, leftOut };
}

/** The object that is stored there, or nothing for a value of another form. */
export function objectIn(value: Uint8Array | undefined): unknown {
  if (!value) return undefined;
  try {
    const object: unknown = JSON.parse(Buffer.from(value).toString());
    return typeof object === 'object' ? (object ?? undefined) : undefined;
  } catch {
    return undefined; // a snapshot from elsewhere may hold protobuf
  }
}

type Identity = Omit<Difference, 'key' | 'change'>;

function identityOf(key: string, value: Uint8Array): Identity {
  const object = objectIn(value) as
    | {
        readonly apiVersion?: string;
        readonly kind?: string;
        readonly metadata?: { readonly namespace?: string; readonly name?: string };
      }
    | undefined;
  const { apiVersion = '', kind = '', metadata = {} } = object ?? {};
  const { namespace = '', name = key } = metadata;
  return { apiVersion, kind, namespace, name };
}
