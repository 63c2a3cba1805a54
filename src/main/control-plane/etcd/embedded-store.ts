import { randomBytes } from 'node:crypto';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import { checkTxn, emptyKey } from './check-request.ts';
import { CommitQueue } from './commit-queue.ts';
import { Head } from './head.ts';
import { emptyState, type LoadedState } from './journal/file.ts';
import type { Journal, LeaseChange } from './journal/journal.ts';
import { createMemoryJournal } from './journal/memory.ts';
import { openSqliteJournal } from './journal/sqlite.ts';
import { Lessor } from './lessor.ts';
import { RecentHistory } from './recent-history.ts';
import { endOf, PastView, select } from './select.ts';
import {
  StoreError,
  type CompactOptions,
  type KeyValue,
  type Lease,
  type LeaseStatus,
  type RangeRequest,
  type RangeResponse,
  type Store,
  type StoreStatus,
  type TxnRequest,
  type TxnResponse,
  type Watch,
  type WatchMessage,
  type WatchRequest,
} from './store.ts';
import { hashKeyValues } from './snapshot/hash.ts';
import { writeSnapshot, type Snapshot } from './snapshot/write.ts';
import { decide, tombstone, type Decision, type PastRange } from './transaction.ts';
import { WatchHub } from './watch-hub.ts';

export interface EmbeddedStoreOptions {
  /** The file to keep everything in; without it nothing outlives the process. */
  readonly path?: string;
  readonly clock: Clock;
  readonly log: Log;
  /** How much of the recent past is held in memory, besides what is current. */
  readonly recentBytes?: number;
}

/** A `Store` of our own, and what only such a one can do. */
export interface EmbeddedStore extends Store {
  /** Gives room that compaction freed back to the file system. */
  defragment(): Promise<void>;
  snapshot(): Snapshot;
  /** A checksum of every key-value as of a revision; now, without one. */
  hash(atRevision?: number): Promise<StoreHash>;
}

interface StoreHash {
  readonly hash: number;
  readonly revision: number;
  readonly compactRevision: number;
}

/** How often a lease's remaining time is written down, so that a restart does not start it again. */
const leaseCheckpointMs = 300_000;

/**
 * Opens the store kept in one file, creating it if it is not there. Throws `unavailable` if another
 * process has it open and `corrupt` if it is damaged.
 */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<EmbeddedStore> {
  const { path, recentBytes = 32 * 1024 * 1024 } = options;
  if (path !== undefined) {
    const { journal, state } = openSqliteJournal(path);
    return new JournalledStore({ ...options, journal, state, recentBytes });
  }
  const journal = createMemoryJournal();
  return new JournalledStore({ ...options, journal, state: emptyState, recentBytes: Infinity });
}

interface JournalledStoreOptions extends EmbeddedStoreOptions {
  readonly journal: Journal;
  readonly state: LoadedState;
  readonly recentBytes: number;
}

class JournalledStore implements EmbeddedStore {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #journal: Journal;
  readonly #head = new Head();
  readonly #recent: RecentHistory;
  readonly #lessor: Lessor;
  readonly #hub: WatchHub;
  readonly #queue: CommitQueue;
  #compactRevision: number;
  #leaseCheckpoint: Disposable | undefined;
  #stopped = false;
  readonly #decision: Decision = {
    head: this.#head,
    revision: 0,
    events: [],
    firstEvent: 0,
    past: [],
    rules: {
      hasLease: (id) => this.#lessor.has(id),
      checkPast: (revision) => this.#checkPast(revision),
      admit: () => this.#queue.admit(),
    },
  };

  constructor({ clock, log, journal, state, recentBytes }: JournalledStoreOptions) {
    this.#clock = clock;
    this.#log = log;
    this.#journal = journal;
    this.#compactRevision = state.compactRevision;
    // A store that begins has no past that memory would not hold.
    const isNew = state.revision === emptyState.revision;
    this.#recent = new RecentHistory(isNew ? 0 : state.revision + 1, recentBytes);
    this.#lessor = new Lessor({ clock, expired: (id) => void this.#expire(id) });
    for (const kv of state.live) this.#head.durable.set(kv);
    this.#lessor.load(state.leases, state.live);
    this.#queue = new CommitQueue({
      clock,
      log,
      journal,
      head: this.#head,
      recent: this.#recent,
      lessor: this.#lessor,
      revision: state.revision,
      published: (events, revision) => this.#hub.publish(events, revision),
    });
    this.#hub = new WatchHub({
      log,
      journal,
      recent: this.#recent,
      revision: () => this.#queue.revision,
      compactRevision: () => this.#compactRevision,
    });
    this.#scheduleLeaseCheckpoint();
  }

  get revision(): number {
    return this.#queue.revision;
  }

  async range(request: RangeRequest): Promise<RangeResponse> {
    this.#checkRunning();
    if (request.key === '') throw emptyKey();
    const { revision = 0 } = request;
    if (revision <= 0 || revision === this.revision) {
      return select(this.#head.durable, request, this.revision);
    }
    this.#checkPast(revision);
    return this.#rangePast(request, revision);
  }

  txn(request: TxnRequest): Promise<TxnResponse> {
    try {
      this.#checkRunning();
      checkTxn(request);
      return this.#txn(request);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async compact(revision: number, { physical = false }: CompactOptions = {}): Promise<void> {
    this.#checkRunning();
    if (revision <= this.#compactRevision) throw compactedError(this.#compactRevision);
    if (revision > this.revision) throw futureRevisionError();
    await this.#queue.add({ compactRevision: revision });
    this.#compactRevision = Math.max(this.#compactRevision, revision);
    this.#recent.dropBefore(this.#compactRevision);
    if (physical) await this.#journal.compacted();
  }

  watch(request: WatchRequest, receive: (message: WatchMessage) => void): Watch {
    this.#checkRunning();
    return this.#hub.watch(request, receive);
  }

  async grantLease(ttlSeconds: number, id = 0n): Promise<Lease> {
    this.#checkRunning();
    this.#queue.admit();
    const lease = this.#lessor.grant(ttlSeconds, id === 0n ? this.#newLeaseId() : id);
    await this.#queue.add({ lease });
    return { id: lease.id, ttlSeconds: lease.ttlSeconds! };
  }

  async revokeLease(id: bigint): Promise<void> {
    this.#checkRunning();
    this.#queue.admit();
    const keys = new Set(this.#lessor.revoke(id));
    for (const { key, lease } of this.#head.pending()) if (lease === id) keys.add(key);
    const { events } = this.#queue;
    for (const key of [...keys].sort()) {
      const kv = this.#head.get(key);
      if (kv?.lease !== id) continue;
      const event = tombstone(kv, this.#queue.headRevision + 1);
      events.push(event);
      this.#head.decide(event);
    }
    await this.#queue.add({ lease: { id } });
  }

  async keepLeaseAlive(id: bigint): Promise<Lease> {
    this.#checkRunning();
    const lease = this.#lessor.keepAlive(id);
    if (this.#lessor.isSavedShort(id)) await this.#queue.add({ lease });
    return lease;
  }

  async leaseTimeToLive(id: bigint, options: { keys?: boolean } = {}): Promise<LeaseStatus> {
    this.#checkRunning();
    return this.#lessor.status(id, options.keys ?? false);
  }

  async leases(): Promise<readonly bigint[]> {
    this.#checkRunning();
    return this.#lessor.ids();
  }

  async status(): Promise<StoreStatus> {
    this.#checkRunning();
    const { totalBytes, usedBytes } = await this.#journal.size();
    return {
      version: '3.6.0',
      dbSizeBytes: totalBytes,
      dbSizeInUseBytes: usedBytes,
      revision: this.revision,
      compactRevision: this.#compactRevision,
      noSpace: this.#queue.noSpace,
    };
  }

  snapshot(): Snapshot {
    this.#checkRunning();
    const revision = this.revision;
    return writeSnapshot({
      revision,
      live: this.#head.durable.collect(''),
      deleted: this.#recent
        .since(revision)
        .flatMap(({ type, kv }) => (type === 'delete' ? kv.key : [])),
      leases: this.#lessor.remaining(),
    });
  }

  async hash(atRevision = 0): Promise<StoreHash> {
    const everything = { key: '\0', rangeEnd: '\0', revision: atRevision };
    const { kvs, revision } = await this.range(everything);
    const hash = await hashKeyValues(kvs);
    return {
      hash,
      revision: atRevision > 0 ? atRevision : revision,
      compactRevision: this.#compactRevision,
    };
  }

  async defragment(): Promise<void> {
    this.#checkRunning();
    await this.#journal.defragment();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#leaseCheckpoint?.[Symbol.dispose]();
    this.#hub[Symbol.dispose]();
    const leases = this.#lessor.remaining();
    if (leases.length > 0) await this.#saveLeases(leases);
    await this.#queue[Symbol.asyncDispose]();
    this.#lessor[Symbol.dispose]();
    await this.#journal[Symbol.asyncDispose]();
  }

  #txn(request: TxnRequest): Promise<TxnResponse> {
    const head = this.#head;
    const { events } = this.#queue;
    const firstEvent = events.length;
    const decision = this.#decision;
    decision.revision = this.#queue.headRevision;
    decision.events = events;
    decision.firstEvent = firstEvent;
    const { past } = decision;
    head.sawPending = false;
    const response = decide(decision, request);
    let promise: Promise<TxnResponse>;
    if (events.length > firstEvent) promise = this.#queue.wait(response);
    // What has been seen, or its revision, may yet be taken back.
    else if (head.sawPending || response.revision !== this.revision) {
      promise = this.#queue.waitForPending(response);
    } else promise = Promise.resolve(response);
    if (past.length === 0) return promise;
    decision.past = [];
    return promise.then(() => this.#fillIn(response, past));
  }

  async #fillIn(response: TxnResponse, past: readonly PastRange[]): Promise<TxnResponse> {
    for (const { request, responses, index, at } of past) {
      const range = await this.#rangePast(request, request.revision!);
      responses[index] = { type: 'range', ...range, revision: at };
    }
    return response;
  }

  async #rangePast(request: RangeRequest, revision: number): Promise<RangeResponse> {
    const { key, rangeEnd } = request;
    const to = rangeEnd === undefined ? `${key}\0` : endOf(rangeEnd);
    let before: ReadonlyMap<string, KeyValue | undefined>;
    if (revision + 1 >= this.#recent.fromRevision) {
      before = this.#recent.before(revision + 1, key, to);
    } else before = await this.#readBefore({ key, to, fromRevision: revision + 1 });
    // Compaction may have overtaken the reading.
    this.#checkPast(revision);
    return select(new PastView(this.#head.durable, before), request, this.revision);
  }

  /** From disk, and what has become durable since from memory: an earlier change counts more. */
  async #readBefore(query: {
    readonly key: string;
    readonly to: string | undefined;
    readonly fromRevision: number;
  }): Promise<ReadonlyMap<string, KeyValue | undefined>> {
    for (;;) {
      const toRevision = this.revision;
      const before = await this.#journal.before({ ...query, toRevision });
      if (toRevision + 1 < this.#recent.fromRevision) continue;
      const since = this.#recent.before(toRevision + 1, query.key, query.to);
      return new Map([...since, ...before]);
    }
  }

  #checkPast(revision: number): void {
    if (revision > this.revision) throw futureRevisionError();
    if (revision < this.#compactRevision) throw compactedError(this.#compactRevision);
  }

  #checkRunning(): void {
    if (this.#stopped) throw new StoreError('stopped', 'The store has stopped');
  }

  async #expire(id: bigint): Promise<void> {
    try {
      await this.revokeLease(id);
    } catch (error) {
      // The lessor comes back to it; a store that stops or whose disk is full has said so itself.
      if (!StoreError.is(error, 'noSpace') && !StoreError.is(error, 'stopped')) {
        this.#log.error('A lease that has run out could not be revoked', { lease: id, error });
      }
    }
  }

  #scheduleLeaseCheckpoint(): void {
    this.#leaseCheckpoint = this.#clock.after(leaseCheckpointMs, () => {
      this.#scheduleLeaseCheckpoint();
      const leases = this.#lessor.remaining();
      if (leases.length === 0) return;
      void this.#saveLeases(leases);
    });
  }

  async #saveLeases(leases: readonly LeaseChange[]): Promise<void> {
    try {
      await this.#queue.add({ leases });
    } catch (error) {
      // They only live a little longer after the next start.
      this.#log.warn('The time that leases have left could not be written down', { error });
    }
  }

  /** As etcd's, positive; unlike etcd's, free for certain. */
  #newLeaseId(): bigint {
    for (;;) {
      const id = randomBytes(8).readBigUInt64BE() >> 1n;
      if (id !== 0n && !this.#lessor.has(id)) return id;
    }
  }
}

function compactedError(compactRevision: number): StoreError {
  const message = 'etcdserver: mvcc: required revision has been compacted';
  return new StoreError('compacted', message, { compactRevision });
}

function futureRevisionError(): StoreError {
  return new StoreError(
    'futureRevision',
    'etcdserver: mvcc: required revision is a future revision',
  );
}
