import type { Clock } from '#shared/base/clock.ts';
import type { LeaseChange } from './journal/journal.ts';
import {
  StoreError,
  type KeyValue,
  type Lease,
  type LeaseStatus,
  type StoreEvent,
} from './store.ts';

/** etcd's bounds: a lease outlives an election, and fits in 32 bits of nanoseconds times a second. */
const shortestTtlSeconds = 2;
const longestTtlSeconds = 9_000_000_000;
/** Leases are looked at this often, and no sooner. */
const expiryStepMs = 500;

interface LeaseEntry {
  readonly id: bigint;
  readonly ttlSeconds: number;
  readonly keys: Set<string>;
  expiresAt: number;
  /** As of its last write to disk, how long it had left; 0 stands for its whole time. */
  savedRemaining: number;
  state: 'granting' | 'granted' | 'revoking';
}

export interface LessorOptions {
  readonly clock: Clock;
  /** A lease has run out: to be revoked. Called again until it is. */
  readonly expired: (id: bigint) => void;
}

/** Who holds which keys for how long. Changes are decided first and settled once durable. */
export class Lessor implements Disposable {
  readonly #options: LessorOptions;
  readonly #leases = new Map<bigint, LeaseEntry>();
  #timer: Disposable | undefined;
  #timerAt = Infinity;

  constructor(options: LessorOptions) {
    this.#options = options;
  }

  /** Takes over what a file held: a lease goes on with what time it had left. */
  load(leases: readonly LeaseChange[], live: Iterable<KeyValue>): void {
    for (const { id, ttlSeconds = 0, remainingSeconds = 0 } of leases) {
      const left = remainingSeconds > 0 ? remainingSeconds : ttlSeconds;
      const expiresAt = this.#now() + left * 1000;
      this.#leases.set(id, {
        id,
        ttlSeconds,
        keys: new Set(),
        expiresAt,
        savedRemaining: remainingSeconds,
        state: 'granted',
      });
      this.#wakeAt(expiresAt);
    }
    for (const { lease, key } of live) if (lease !== 0n) this.#leases.get(lease)?.keys.add(key);
  }

  /** Whether keys may be attached to it. */
  has(id: bigint): boolean {
    const entry = this.#leases.get(id);
    return entry !== undefined && entry.state !== 'revoking';
  }

  grant(ttlSeconds: number, id: bigint): LeaseChange {
    if (ttlSeconds > longestTtlSeconds) {
      throw new StoreError('leaseTtlTooLarge', 'etcdserver: too large lease TTL');
    }
    if (this.#leases.has(id)) {
      throw new StoreError('leaseExists', 'etcdserver: lease already exists');
    }
    const ttl = Math.max(Math.ceil(ttlSeconds), shortestTtlSeconds);
    const expiresAt = this.#now() + ttl * 1000;
    this.#leases.set(id, {
      id,
      ttlSeconds: ttl,
      keys: new Set(),
      expiresAt,
      savedRemaining: 0,
      state: 'granting',
    });
    return { id, ttlSeconds: ttl };
  }

  /** Returns the keys that are durably attached; those attached since are for the caller to add. */
  revoke(id: bigint): ReadonlySet<string> {
    const entry = this.#find(id);
    entry.state = 'revoking';
    return entry.keys;
  }

  keepAlive(id: bigint): Lease {
    const entry = this.#find(id);
    entry.expiresAt = this.#now() + entry.ttlSeconds * 1000;
    return { id, ttlSeconds: entry.ttlSeconds };
  }

  /** Whether what is on disk says that less time is left than there is. */
  isSavedShort(id: bigint): boolean {
    return (this.#leases.get(id)?.savedRemaining ?? 0) > 0;
  }

  status(id: bigint, withKeys: boolean): LeaseStatus {
    const entry = this.#leases.get(id);
    if (!entry || entry.state === 'granting') {
      return { id, ttlSeconds: 0, remainingSeconds: -1, keys: [] };
    }
    const left = Math.max(0, Math.floor((entry.expiresAt - this.#now()) / 1000));
    const keys = withKeys ? [...entry.keys].sort() : [];
    return { id, ttlSeconds: entry.ttlSeconds, remainingSeconds: left, keys };
  }

  /** Those that will end first come first, as etcd lists them. */
  ids(): bigint[] {
    return [...this.#leases.values()]
      .filter(({ state }) => state !== 'granting')
      .sort((a, b) => a.expiresAt - b.expiresAt)
      .map(({ id }) => id);
  }

  /** Every lease with the time it has left, to be written to disk. */
  remaining(): LeaseChange[] {
    return [...this.#leases.values()]
      .filter(({ state }) => state === 'granted')
      .map(({ id, ttlSeconds, expiresAt }) => ({
        id,
        ttlSeconds,
        remainingSeconds: Math.max(1, Math.ceil((expiresAt - this.#now()) / 1000)),
      }));
  }

  /** Keys were put or deleted, durably. */
  attach({ kv, prevKv }: StoreEvent): void {
    if (prevKv && prevKv.lease !== 0n && prevKv.lease !== kv.lease) {
      this.#leases.get(prevKv.lease)?.keys.delete(kv.key);
    }
    if (kv.lease !== 0n) this.#leases.get(kv.lease)?.keys.add(kv.key);
  }

  settle({ id, ttlSeconds, remainingSeconds = 0 }: LeaseChange): void {
    const entry = this.#leases.get(id);
    if (!entry) return;
    if (ttlSeconds === undefined) {
      this.#leases.delete(id);
      return;
    }
    entry.savedRemaining = remainingSeconds;
    if (entry.state === 'granting') entry.state = 'granted';
    this.#wakeAt(entry.expiresAt);
  }

  rollBack({ id, ttlSeconds }: LeaseChange): void {
    const entry = this.#leases.get(id);
    if (!entry) return;
    if (ttlSeconds === undefined) {
      entry.state = 'granted';
      this.#wakeAt(entry.expiresAt);
    } else if (entry.state === 'granting') this.#leases.delete(id);
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
  }

  #find(id: bigint): LeaseEntry {
    const entry = this.#leases.get(id);
    if (!entry || entry.state === 'revoking') {
      throw new StoreError('leaseNotFound', 'etcdserver: requested lease not found');
    }
    return entry;
  }

  #now(): number {
    return this.#options.clock.elapsed();
  }

  #wakeAt(at: number): void {
    if (at >= this.#timerAt) return;
    this.#timer?.[Symbol.dispose]();
    this.#timerAt = at;
    const wait = Math.max(expiryStepMs, at - this.#now());
    this.#timer = this.#options.clock.after(wait, () => this.#expire());
  }

  #expire(): void {
    this.#timerAt = Infinity;
    const now = this.#now();
    let next = Infinity;
    for (const { id, expiresAt, state } of this.#leases.values()) {
      if (state === 'granted' && expiresAt <= now) this.#options.expired(id);
      if (state !== 'revoking') next = Math.min(next, expiresAt);
    }
    if (next < Infinity) this.#wakeAt(next);
  }
}
