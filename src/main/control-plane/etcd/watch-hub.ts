import type { Log } from '#shared/base/log.ts';
import type { HistoryChange, Journal } from './journal/journal.ts';
import type { RecentHistory } from './recent-history.ts';
import { endOf } from './select.ts';
import {
  StoreError,
  type StoreEvent,
  type Watch,
  type WatchMessage,
  type WatchRequest,
} from './store.ts';

interface Watcher {
  readonly request: WatchRequest;
  readonly from: string;
  /** Exclusive; `undefined` means no end. */
  readonly to: string | undefined;
  readonly receive: (message: WatchMessage) => void;
  /** Everything before this revision has been delivered, or is not wanted. */
  next: number;
  /** The revision of the last message. */
  told: number;
  /** Whether a progress message was asked for while catching up. */
  progressDue: boolean;
  state: 'catchingUp' | 'live' | 'over';
}

export interface WatchHubOptions {
  readonly log: Log;
  readonly journal: Journal;
  readonly recent: RecentHistory;
  /** The newest durable revision. */
  readonly revision: () => number;
  readonly compactRevision: () => number;
}

/** Hands durable changes to those who watch for them, each from the revision it wants. */
export class WatchHub implements Disposable {
  readonly #options: WatchHubOptions;
  /** Those that have seen everything, by key for single keys, in a list for ranges. */
  readonly #byKey = new Map<string, Set<Watcher>>();
  readonly #ranges = new Set<Watcher>();
  readonly #catchingUp = new Set<Watcher>();

  constructor(options: WatchHubOptions) {
    this.#options = options;
  }

  watch(request: WatchRequest, receive: (message: WatchMessage) => void): Watch {
    const { key, rangeEnd, startRevision } = request;
    const watcher: Watcher = {
      request,
      receive,
      from: key,
      to: rangeEnd === undefined ? `${key}\0` : endOf(rangeEnd),
      next: startRevision && startRevision > 0 ? startRevision : this.#options.revision() + 1,
      told: 0,
      progressDue: false,
      state: 'live',
    };
    if (watcher.next > this.#options.revision()) this.#join(watcher);
    else {
      watcher.state = 'catchingUp';
      this.#catchingUp.add(watcher);
      // Not before the caller has what is returned here.
      queueMicrotask(() => void this.#catchUp(watcher));
    }
    return {
      requestProgress: () => this.#requestProgress(watcher),
      [Symbol.dispose]: () => this.#leave(watcher),
    };
  }

  /** `events` have just become durable: whole revisions, in order. */
  publish(events: readonly StoreEvent[], revision: number): void {
    if (this.#byKey.size > 0) {
      const found = new Map<Watcher, StoreEvent[]>();
      for (const event of events) {
        for (const watcher of this.#byKey.get(event.kv.key) ?? []) {
          if (!isWanted(watcher, event)) continue;
          const own = found.get(watcher);
          if (own) own.push(event);
          else found.set(watcher, [event]);
        }
      }
      for (const [watcher, own] of found) this.#deliver(watcher, own, revision);
    }
    for (const watcher of this.#ranges) {
      const own = choose(watcher, events);
      if (own.length > 0) this.#deliver(watcher, own, revision);
    }
  }

  [Symbol.dispose](): void {
    const error = new StoreError('stopped', 'The store has stopped');
    const singles = [...this.#byKey.values()].flatMap((watchers) => [...watchers]);
    for (const watcher of [...singles, ...this.#ranges, ...this.#catchingUp]) {
      this.#end(watcher, error);
    }
  }

  async #catchUp(watcher: Watcher): Promise<void> {
    const { recent, journal, revision, compactRevision } = this.#options;
    try {
      while (watcher.state === 'catchingUp') {
        if (watcher.next < compactRevision())
          return this.#end(watcher, compacted(compactRevision()));
        if (watcher.next >= recent.fromRevision) return this.#goLive(watcher);
        const page = await journal.history({
          key: watcher.from,
          to: watcher.to,
          fromRevision: watcher.next,
          toRevision: revision(),
          prevKv: watcher.request.prevKv ?? false,
        });
        // What was compacted meanwhile may be missing from the page.
        if (watcher.next < compactRevision()) continue;
        watcher.next = page.throughRevision + 1;
        const events = page.changes.map(asEvent);
        if (events.length > 0) this.#deliver(watcher, events, page.throughRevision);
      }
    } catch (error) {
      this.#end(watcher, asStoreError(error));
    }
  }

  #goLive(watcher: Watcher): void {
    const { recent, revision } = this.#options;
    const now = revision();
    const events = choose(watcher, recent.since(watcher.next));
    watcher.next = now + 1;
    this.#catchingUp.delete(watcher);
    watcher.state = 'live';
    this.#join(watcher);
    if (events.length > 0) this.#deliver(watcher, events, now);
    else watcher.progressDue ||= watcher.told < now;
    if (watcher.progressDue) this.#requestProgress(watcher);
  }

  #requestProgress(watcher: Watcher): void {
    watcher.progressDue = watcher.state === 'catchingUp';
    if (watcher.state !== 'live') return;
    this.#send(watcher, { type: 'progress', revision: this.#options.revision() });
  }

  #deliver(watcher: Watcher, events: readonly StoreEvent[], revision: number): void {
    this.#send(watcher, { type: 'events', revision, events });
  }

  #send(watcher: Watcher, message: WatchMessage): void {
    if (watcher.state === 'over') return;
    if (message.type !== 'ended') watcher.told = message.revision;
    try {
      watcher.receive(message);
    } catch (error) {
      // One receiver's bug must not keep the others from hearing of the change.
      this.#options.log.error('A watch was ended because its receiver threw', {
        key: watcher.from,
        error,
      });
      this.#leave(watcher);
    }
  }

  #end(watcher: Watcher, error: StoreError): void {
    if (watcher.state === 'over') return;
    this.#send(watcher, { type: 'ended', error });
    this.#leave(watcher);
  }

  #join(watcher: Watcher): void {
    if (watcher.request.rangeEnd !== undefined) {
      this.#ranges.add(watcher);
      return;
    }
    const others = this.#byKey.get(watcher.from);
    if (others) others.add(watcher);
    else this.#byKey.set(watcher.from, new Set([watcher]));
  }

  #leave(watcher: Watcher): void {
    watcher.state = 'over';
    this.#ranges.delete(watcher);
    this.#catchingUp.delete(watcher);
    const others = this.#byKey.get(watcher.from);
    if (others?.delete(watcher) && others.size === 0) this.#byKey.delete(watcher.from);
  }
}

/** The watcher's part of the events: the very list if it wants all of them. */
function choose(watcher: Watcher, events: readonly StoreEvent[]): readonly StoreEvent[] {
  let first = 0;
  while (first < events.length && isWanted(watcher, events[first]!)) first++;
  if (first === events.length) return events;
  const own = events.slice(0, first);
  for (let i = first + 1; i < events.length; i++) {
    const event = events[i]!;
    if (isWanted(watcher, event)) own.push(event);
  }
  return own;
}

function isWanted({ from, to, next }: Watcher, { kv }: StoreEvent): boolean {
  return kv.modRevision >= next && kv.key >= from && (to === undefined || kv.key < to);
}

function asEvent({ kv, deleted, prevKv }: HistoryChange): StoreEvent {
  const type = deleted ? 'delete' : 'put';
  return prevKv ? { type, kv, prevKv } : { type, kv };
}

function compacted(compactRevision: number): StoreError {
  return new StoreError('compacted', 'etcdserver: mvcc: required revision has been compacted', {
    compactRevision,
  });
}

function asStoreError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  return new StoreError('unavailable', 'The past could not be read', { cause: error });
}
