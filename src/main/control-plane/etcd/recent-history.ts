import type { KeyValue, StoreEvent } from './store.ts';

/** What an event costs besides its value and key, roughly. */
const eventBytes = 256;

/** The newest changes, by reference, so that watches and reads of the near past need no disk. */
export class RecentHistory {
  readonly #maxBytes: number;
  #events: StoreEvent[] = [];
  #start = 0;
  #bytes = 0;
  #fromRevision: number;

  /** Holds changes from `fromRevision` on, up to about `maxBytes` of them. */
  constructor(fromRevision: number, maxBytes: number) {
    this.#fromRevision = fromRevision;
    this.#maxBytes = maxBytes;
  }

  /** Every change from this revision on is here. */
  get fromRevision(): number {
    return this.#fromRevision;
  }

  push(event: StoreEvent): void {
    this.#events.push(event);
    this.#bytes += weight(event);
  }

  /** To be called between revisions: none is held in part. */
  trim(): void {
    const events = this.#events;
    let start = this.#start;
    while (this.#bytes > this.#maxBytes && start < events.length) {
      const { modRevision } = events[start]!.kv;
      do this.#bytes -= weight(events[start++]!);
      while (events[start]?.kv.modRevision === modRevision);
      this.#fromRevision = modRevision + 1;
    }
    this.#start = start;
    this.#release();
  }

  dropBefore(revision: number): void {
    const end = this.#indexOf(revision);
    for (let i = this.#start; i < end; i++) this.#bytes -= weight(this.#events[i]!);
    this.#start = end;
    this.#fromRevision = Math.max(this.#fromRevision, revision);
    this.#release();
  }

  since(revision: number): StoreEvent[] {
    return this.#events.slice(this.#indexOf(revision));
  }

  /** For each key of the range that has changed from `revision` on: how it was before. */
  before(
    revision: number,
    from: string,
    to: string | undefined,
  ): Map<string, KeyValue | undefined> {
    const states = new Map<string, KeyValue | undefined>();
    for (let i = this.#indexOf(revision); i < this.#events.length; i++) {
      const { kv, prevKv } = this.#events[i]!;
      if (kv.key < from || (to !== undefined && kv.key >= to) || states.has(kv.key)) continue;
      states.set(kv.key, prevKv);
    }
    return states;
  }

  /** Lets go of what has been dropped, seldom enough for the moving not to count. */
  #release(): void {
    if (this.#start <= 1024 || this.#start <= this.#events.length / 2) return;
    this.#events = this.#events.slice(this.#start);
    this.#start = 0;
  }

  #indexOf(revision: number): number {
    let low = this.#start;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#events[middle]!.kv.modRevision < revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function weight({ kv }: StoreEvent): number {
  return eventBytes + kv.key.length + kv.value.byteLength;
}
