/**
 * etcd's semantics, whoever keeps the data: the embedded store or a real etcd.
 *
 * A key is a byte string held one byte per character (latin1), so that `<` on strings orders keys as
 * etcd does; Kubernetes' keys are ASCII and read as they are. Revisions are safe integers. A range is
 * the single key when `rangeEnd` is absent, `[key, rangeEnd)` otherwise; `'\0'` as `rangeEnd` means
 * everything from `key` on (and `key = '\0'` besides: the whole store). Lease ids are bigints.
 */
export interface Store extends AsyncDisposable {
  /** The newest revision that is durable. */
  readonly revision: number;
  range(request: RangeRequest): Promise<RangeResponse>;
  /** Compares, then does one branch, atomically and at one revision. Resolves once it is durable. */
  txn(request: TxnRequest): Promise<TxnResponse>;
  /** Forgets what was overwritten or deleted before `revision`. Throws `compacted`, `futureRevision`. */
  compact(revision: number, options?: CompactOptions): Promise<void>;
  /** Every change from `startRevision` on, in order, whole revisions at a time, without a gap. */
  watch(request: WatchRequest, receive: (message: WatchMessage) => void): Watch;
  grantLease(ttlSeconds: number, id?: bigint): Promise<Lease>;
  /** Deletes the lease and every key attached to it. Throws `leaseNotFound`. */
  revokeLease(id: bigint): Promise<void>;
  /** Starts the lease's time again. Throws `leaseNotFound`. */
  keepLeaseAlive(id: bigint): Promise<Lease>;
  leaseTimeToLive(id: bigint, options?: { readonly keys?: boolean }): Promise<LeaseStatus>;
  leases(): Promise<readonly bigint[]>;
  status(): Promise<StoreStatus>;
  /** A consistent copy of everything kept, as a real etcd snapshot file with its SHA-256 trailer. */
  snapshot(): AsyncIterable<Uint8Array>;
}

export interface KeyValue {
  readonly key: string;
  readonly value: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  /** 0n without a lease. */
  readonly lease: bigint;
}

export interface RangeRequest {
  readonly key: string;
  readonly rangeEnd?: string;
  readonly limit?: number;
  /** The past: the state as of this revision. Throws `compacted`, `futureRevision`. */
  readonly revision?: number;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
  readonly sortBy?: 'key' | 'version' | 'create' | 'mod' | 'value';
  readonly descending?: boolean;
  readonly minModRevision?: number;
  readonly maxModRevision?: number;
  readonly minCreateRevision?: number;
  readonly maxCreateRevision?: number;
}

export interface RangeResponse {
  readonly kvs: readonly KeyValue[];
  /** How many there are in the range, whatever the limit. */
  readonly count: number;
  readonly more: boolean;
  /** The store's revision when this was read. */
  readonly revision: number;
}

export interface PutRequest {
  readonly type: 'put';
  readonly key: string;
  readonly value: Uint8Array;
  readonly lease?: bigint;
  readonly prevKv?: boolean;
  readonly ignoreValue?: boolean;
  readonly ignoreLease?: boolean;
}

export interface DeleteRequest {
  readonly type: 'delete';
  readonly key: string;
  readonly rangeEnd?: string;
  readonly prevKv?: boolean;
}

export interface Compare {
  readonly key: string;
  readonly rangeEnd?: string;
  readonly target: 'version' | 'create' | 'mod' | 'value' | 'lease';
  readonly result: '=' | '>' | '<' | '!=';
  readonly value: number | bigint | Uint8Array;
}

export type Operation =
  | PutRequest
  | DeleteRequest
  | ({ readonly type: 'range' } & RangeRequest)
  | ({ readonly type: 'txn' } & TxnRequest);

export interface TxnRequest {
  readonly compare?: readonly Compare[];
  readonly success?: readonly Operation[];
  readonly failure?: readonly Operation[];
}

export type OperationResponse =
  | { readonly type: 'put'; readonly prevKv?: KeyValue }
  | { readonly type: 'delete'; readonly deleted: number; readonly prevKvs: readonly KeyValue[] }
  | ({ readonly type: 'range' } & RangeResponse)
  | ({ readonly type: 'txn' } & TxnResponse);

export interface TxnResponse {
  readonly succeeded: boolean;
  readonly responses: readonly OperationResponse[];
  /** The store's revision after this transaction: its own if it wrote anything. */
  readonly revision: number;
}

export interface WatchRequest {
  readonly key: string;
  readonly rangeEnd?: string;
  /** Absent: from the next change on. */
  readonly startRevision?: number;
  readonly prevKv?: boolean;
}

/** Disposing ends it: nothing is received any more, not even that it ended. */
export interface Watch extends Disposable {
  /** Asks for one `progress` message, after everything that is owed before it. */
  requestProgress(): void;
}

export interface CompactOptions {
  /** Resolve only once what was forgotten has been removed from disk. */
  readonly physical?: boolean;
}

/** `prevKv` may be there although the watch did not ask for it. */
export type StoreEvent =
  | { readonly type: 'put'; readonly kv: KeyValue; readonly prevKv?: KeyValue }
  /** `kv` carries the key and, as `modRevision`, the revision of the deletion. */
  | { readonly type: 'delete'; readonly kv: KeyValue; readonly prevKv?: KeyValue };

export type WatchMessage =
  /** `revision` is the newest that this watch has now seen completely. */
  | { readonly type: 'events'; readonly revision: number; readonly events: readonly StoreEvent[] }
  /**
   * Everything in the range up to `revision` has been delivered. Comes when asked for, and once when
   * a watch that began in the past has caught up, unless its last events said as much.
   */
  | { readonly type: 'progress'; readonly revision: number }
  /** The watch is over: what it asked for is gone, or the store is. */
  | { readonly type: 'ended'; readonly error: StoreError };

export interface Lease {
  readonly id: bigint;
  readonly ttlSeconds: number;
}

export interface LeaseStatus extends Lease {
  /** -1 when it is gone. */
  readonly remainingSeconds: number;
  readonly keys: readonly string[];
}

export interface StoreStatus {
  readonly version: string;
  readonly dbSizeBytes: number;
  readonly dbSizeInUseBytes: number;
  readonly revision: number;
  readonly compactRevision: number;
  /** Set while the disk is full: writes are refused, reads work. */
  readonly noSpace: boolean;
}

export type StoreErrorCode =
  | 'compacted'
  | 'futureRevision'
  | 'keyNotFound'
  | 'duplicateKey'
  | 'leaseNotFound'
  | 'leaseExists'
  | 'leaseTtlTooLarge'
  | 'valueProvided'
  | 'leaseProvided'
  | 'emptyKey'
  | 'tooManyOperations'
  | 'requestTooLarge'
  | 'noSpace'
  | 'corrupt'
  | 'unavailable'
  | 'stopped';

export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  /** With `compacted`: the oldest revision that can still be read. */
  readonly compactRevision: number | undefined;

  constructor(
    code: StoreErrorCode,
    message: string,
    options: ErrorOptions & { compactRevision?: number } = {},
  ) {
    super(message, options);
    this.code = code;
    this.compactRevision = options.compactRevision;
  }

  static is(error: unknown, code: StoreErrorCode): error is StoreError {
    return error instanceof StoreError && error.code === code;
  }
}

/** The end of the range of all keys that begin with `prefix`. */
export function prefixEnd(prefix: string): string {
  for (let i = prefix.length - 1; i >= 0; i--) {
    const code = prefix.charCodeAt(i);
    if (code < 0xff) return prefix.slice(0, i) + String.fromCharCode(code + 1);
  }
  return '\0';
}
