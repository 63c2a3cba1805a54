import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Head } from './head.ts';
import type { Journal, JournalBatch, LeaseChange } from './journal/journal.ts';
import type { Lessor } from './lessor.ts';
import type { RecentHistory } from './recent-history.ts';
import { StoreError, type StoreEvent } from './store.ts';

/** While the disk is full, one write in this time is let through to see whether it still is. */
const retryMs = 200;
const probeMs = 1000;

/** What will be made durable by one commit, and who waits for it. */
class Batch implements JournalBatch {
  readonly events: StoreEvent[] = [];
  readonly leases: LeaseChange[] = [];
  compactRevision?: number;
  /** The store's revision once this is durable. */
  revision: number;
  readonly answers: unknown[] = [];
  readonly resolves: ((answer: never) => void)[] = [];
  readonly rejects: ((error: Error) => void)[] = [];

  constructor(revision: number) {
    this.revision = revision;
  }
}

/** A change besides keys. */
export interface Addition {
  readonly lease?: LeaseChange;
  readonly leases?: readonly LeaseChange[];
  readonly compactRevision?: number;
}

export interface CommitQueueOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly journal: Journal;
  readonly head: Head;
  readonly recent: RecentHistory;
  readonly lessor: Lessor;
  readonly revision: number;
  /** Changes have become durable and visible. */
  readonly published: (events: readonly StoreEvent[], revision: number) => void;
}

/**
 * Makes decided changes durable, one commit at a time; the next batch grows meanwhile. When a commit
 * fails, everything that was decided since the last one that did not is taken back and refused.
 */
export class CommitQueue implements AsyncDisposable {
  readonly #options: CommitQueueOptions;
  /** The newest durable revision. */
  #revision: number;
  #headRevision: number;
  #open: Batch;
  #inFlight: Batch | undefined;
  #scheduled = false;
  #noSpace: StoreError | undefined;
  #failedAt = 0;
  #probe: Disposable | undefined;
  #idle: (() => void) | undefined;

  constructor(options: CommitQueueOptions) {
    this.#options = options;
    this.#revision = options.revision;
    this.#headRevision = options.revision;
    this.#open = new Batch(options.revision);
  }

  get revision(): number {
    return this.#revision;
  }

  /** The newest revision that has been decided. */
  get headRevision(): number {
    return this.#headRevision;
  }

  get noSpace(): boolean {
    return this.#noSpace !== undefined;
  }

  /** Where the next transaction's events go. */
  get events(): StoreEvent[] {
    return this.#open.events;
  }

  /** To be called before a change is decided. Throws `noSpace` while the disk is full. */
  admit(): void {
    if (!this.#noSpace) return;
    if (this.#options.clock.elapsed() - this.#failedAt < retryMs) throw this.#noSpace;
    this.#failedAt = this.#options.clock.elapsed();
  }

  /** The transaction whose events have just been added is answered once they are durable. */
  wait<T>(answer: T): Promise<T> {
    this.#headRevision++;
    this.#open.revision = this.#headRevision;
    this.#schedule();
    return enlist(this.#open, answer);
  }

  /** Answers a transaction that changed nothing once what it has seen is durable. */
  waitForPending<T>(answer: T): Promise<T> {
    if (this.#open.events.length > 0) return enlist(this.#open, answer);
    return this.#inFlight ? enlist(this.#inFlight, answer) : Promise.resolve(answer);
  }

  /** Adds what is not an event; with `events` pushed before, they belong to one revision. */
  add({ lease, leases = [], compactRevision }: Addition): Promise<void> {
    const batch = this.#open;
    if (lease) batch.leases.push(lease);
    batch.leases.push(...leases);
    if (compactRevision !== undefined) {
      batch.compactRevision = Math.max(batch.compactRevision ?? 0, compactRevision);
    }
    if ((batch.events.at(-1)?.kv.modRevision ?? 0) > this.#headRevision) {
      return this.wait(undefined);
    }
    this.#schedule();
    return enlist(batch, undefined);
  }

  /** Waits until there is nothing left to make durable. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#inFlight || this.#scheduled) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    this.#probe?.[Symbol.dispose]();
  }

  #schedule(): void {
    if (this.#scheduled || this.#inFlight) return;
    this.#scheduled = true;
    // Whatever else this turn brings shares the commit.
    setImmediate(() => {
      this.#scheduled = false;
      this.#send();
    });
  }

  #send(): void {
    const batch = this.#open;
    if (batch.resolves.length === 0) return this.#idle?.();
    this.#inFlight = batch;
    this.#open = new Batch(this.#headRevision);
    this.#options.journal.commit(batch, (error) => {
      this.#inFlight = undefined;
      if (error) this.#fail(batch, error);
      else this.#succeed(batch);
    });
  }

  #succeed(batch: Batch): void {
    const { head, lessor, recent, published, log } = this.#options;
    const { events, leases, revision, resolves, answers } = batch;
    for (const event of events) {
      head.settle(event);
      if (event.kv.lease !== 0n || event.prevKv?.lease) lessor.attach(event);
      recent.push(event);
    }
    for (const change of leases) lessor.settle(change);
    recent.trim();
    this.#revision = revision;
    if (this.#noSpace) log.info('There is room on the disk again; writes go on');
    this.#noSpace = undefined;
    this.#send();
    if (events.length > 0) published(events, revision);
    for (let i = 0; i < resolves.length; i++) resolves[i]!(answers[i] as never);
  }

  #fail(batch: Batch, error: Error): void {
    const { head, lessor, clock } = this.#options;
    const refused = [batch, this.#open];
    for (const { leases } of refused.toReversed()) {
      for (const change of leases.toReversed()) lessor.rollBack(change);
    }
    head.rollBack();
    this.#headRevision = this.#revision;
    this.#open = new Batch(this.#revision);
    if (StoreError.is(error, 'noSpace')) {
      if (!this.#noSpace)
        this.#options.log.error('The disk is full; writes are refused', { error });
      this.#noSpace = error;
      this.#failedAt = clock.elapsed();
      this.#scheduleProbe();
    } else this.#options.log.error('A commit failed', { error });
    for (const { rejects } of refused) for (const reject of rejects) reject(error);
    this.#send();
  }

  #scheduleProbe(): void {
    this.#probe?.[Symbol.dispose]();
    this.#probe = this.#options.clock.after(probeMs, () => void this.#tryAgain());
  }

  async #tryAgain(): Promise<void> {
    if (!this.#noSpace) return;
    try {
      await this.#options.journal.probe();
      this.#options.log.info('There is room on the disk again; writes go on');
      this.#noSpace = undefined;
    } catch (error) {
      if (StoreError.is(error, 'noSpace')) this.#scheduleProbe();
      else this.#options.log.error('The store cannot be written to', { error });
    }
  }
}

function enlist<T>(batch: Batch, answer: T): Promise<T> {
  batch.answers.push(answer);
  return new Promise<T>((resolve, reject) => {
    batch.resolves.push(resolve);
    batch.rejects.push(reject);
  });
}
