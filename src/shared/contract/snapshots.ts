import * as v from 'valibot';
import { call, stream } from '#shared/contract/contract.ts';

export type SnapshotKind = 'scheduled' | 'manual' | 'precaution' | 'imported';

/** What restoring it into a scratch store showed: as many keys, all of them equal. */
export interface SnapshotProof {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly keys: number;
  /** As `etcdctl snapshot status` prints it. */
  readonly hash: string;
}

export interface SnapshotItem {
  /** The file's. */
  readonly name: string;
  readonly kind: SnapshotKind;
  /** Milliseconds since 1970. */
  readonly takenAt: number;
  readonly revision: number;
  readonly bytes: number;
  /** Absent: nobody has looked yet whether it can be restored. */
  readonly proof?: SnapshotProof;
  /** Objects that are not as in the snapshot before it; absent where that is not known. */
  readonly changed?: number;
}

export interface SnapshotRules {
  /** 0: none are taken by themselves. */
  readonly everyMinutes: number;
  /** How many of each kind stay; absent: all. */
  readonly keep: Partial<Record<SnapshotKind, number | undefined>>;
}

export const restoreStepIds = [
  'verify',
  'precaution',
  'stop',
  'exchange',
  'start',
  'nodes',
] as const;
export type RestoreStepId = (typeof restoreStepIds)[number];

export interface RestoreStep {
  readonly id: RestoreStepId;
  readonly state: 'waiting' | 'running' | 'done' | 'failed';
  /** Milliseconds since 1970. */
  readonly startedAt?: number;
  readonly endedAt?: number;
  /** What it found, did, or why it failed. */
  readonly detail?: string;
}

/** A restoration as its journal tells of it; the last one stays until it is put away. */
export interface Restoration {
  readonly snapshot: string;
  /** `broken off`: before anything was changed; it can be begun again. */
  readonly state: 'running' | 'done' | 'failed' | 'broken off';
  readonly steps: readonly RestoreStep[];
}

export interface SnapshotsNow {
  /** The newest first. */
  readonly snapshots: readonly SnapshotItem[];
  readonly rules: SnapshotRules;
  readonly folder: string;
  /** Absent: this cluster can be restored from here. */
  readonly cannotRestore?: string;
  readonly restoration?: Restoration;
}

/** `gone`: it was there then and is not now. `new`: the other way round. */
export type Change = 'gone' | 'new' | 'changed';

export interface Difference {
  /** Where the store keeps it. */
  readonly key: string;
  readonly change: Change;
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export interface SnapshotDifferences {
  readonly revisionThen: number;
  readonly revisionNow: number;
  readonly differences: readonly Difference[];
  /** How many there are, although not all are told. */
  readonly total: number;
  readonly equal: number;
  /** Leases and events that differ: they always do, and are not told one by one. */
  readonly leftOut: number;
}

export interface ObjectThenAndNow {
  readonly past?: unknown;
  readonly now?: unknown;
  /** Values of a secret were left out. */
  readonly isHidden: boolean;
}

export interface ObjectResult {
  readonly key: string;
  /** `create api`, `change api`, `delete api`, said of the object. */
  readonly action: 'create' | 'change' | 'delete' | 'none';
  /** What the server said against it. */
  readonly problem?: string;
}

const name = v.pipe(v.string(), v.regex(/^[\w.-]{1,200}\.db$/));
const key = v.pipe(v.string(), v.startsWith('/'), v.maxLength(2048));
const count = v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000)));
const nothing = v.strictObject({});

/** No larger, in base64, than a frame may be. */
const chunk = v.pipe(v.string(), v.base64(), v.maxLength(3 << 20));

/** What the window may ask about snapshots. */
export const snapshotOperations = {
  /** Told again whenever anything about them changes. */
  snapshots: stream(nothing).yields<SnapshotsNow>(),
  takeSnapshot: call(nothing).returns<SnapshotItem>(),
  /** Restores it into a scratch store and compares. */
  verifySnapshot: call(v.strictObject({ name })).returns<SnapshotItem>(),
  deleteSnapshot: call(v.strictObject({ name })).returns<null>(),
  setSnapshotRules: call(
    v.strictObject({
      everyMinutes: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(10_080)),
      keep: v.strictObject({
        scheduled: count,
        manual: count,
        precaution: count,
        imported: count,
      }),
    }),
  ).returns<SnapshotRules>(),
  snapshotDifferences: call(v.strictObject({ name })).returns<SnapshotDifferences>(),
  /** One object then and now; values of a Secret only where `reveal` asks for them. */
  snapshotObject: call(
    v.strictObject({ name, key, reveal: v.optional(v.boolean()) }),
  ).returns<ObjectThenAndNow>(),
  /** Makes single objects what they were, through the API; with `dryRun` it only says what would happen. */
  restoreObjects: call(
    v.strictObject({
      name,
      keys: v.pipe(v.array(key), v.maxLength(500)),
      dryRun: v.boolean(),
    }),
  ).returns<readonly ObjectResult[]>(),
  /** Begins to restore the whole cluster; `snapshots` tells how far it is. */
  restoreSnapshot: call(v.strictObject({ name })).returns<null>(),
  /** Forgets the last restoration, once it is over. */
  dismissRestoration: call(nothing).returns<null>(),
  /** The file's bytes in base64. */
  exportSnapshot: stream(v.strictObject({ name })).yields<string>(),
  /** One piece after another, under an id of the window's own; the last one answers with the snapshot. */
  importSnapshot: call(
    v.strictObject({
      upload: v.pipe(v.string(), v.uuid()),
      chunk,
      isLast: v.boolean(),
    }),
  ).returns<SnapshotItem | null>(),
};
