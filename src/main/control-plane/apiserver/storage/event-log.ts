import type { Entry } from '#main/control-plane/apiserver/storage/entry.ts';

/** What a watcher is told; many are told the same. */
export interface Delivery {
  /** Relative to the watcher's selection. */
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** Absent for what was there before the watch began. */
  readonly event?: StorageEvent;
  /** The object to show; for DELETED its last selected state. */
  readonly entry: Entry;
}

/** What became of one object at one revision. */
export class StorageEvent {
  readonly revision: number;
  readonly entry: Entry | undefined;
  readonly previous: Entry | undefined;
  #last: Entry | undefined;
  #delivery: Delivery | undefined;
  #frames: Map<string, unknown> | undefined;

  constructor(revision: number, entry: Entry | undefined, previous: Entry | undefined) {
    this.revision = revision;
    this.entry = entry;
    this.previous = previous;
  }

  /** The previous state at this event's revision: what those are told whose selection it left. */
  get last(): Entry | undefined {
    return (this.#last ??= this.previous?.at(this.revision));
  }

  delivery(type: Delivery['type']): Delivery {
    if (this.#delivery?.type === type) return this.#delivery;
    const entry = type === 'DELETED' ? this.last! : this.entry!;
    return (this.#delivery = { type, event: this, entry });
  }

  /** What watchers of the same kind are told, once it has been made. */
  frame(key: string): unknown {
    return this.#frames?.get(key);
  }

  keepFrame<T>(key: string, frame: T): T {
    (this.#frames ??= new Map()).set(key, frame);
    return frame;
  }
}

const leastEvents = 128;
const mostEvents = 100_000;
const freshMs = 90_000;

/** The recent past of one kind, from which a watch resumes and a list's next page is cut. */
export class EventLog {
  #events: { readonly event: StorageEvent; readonly at: number }[] = [];
  #start = 0;
  /** Everything after this revision is in the log. */
  #completeSince: number;

  constructor(revision: number) {
    this.#completeSince = revision;
  }

  get completeSince(): number {
    return this.#completeSince;
  }

  append(event: StorageEvent, now: number): void {
    this.#events.push({ event, at: now });
    this.forget(now);
  }

  /** All events after `revision`, oldest first; nothing when part of them is forgotten. */
  since(revision: number): readonly StorageEvent[] | undefined {
    if (revision < this.#completeSince) return undefined;
    let low = this.#start;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#events[middle]!.event.revision > revision) high = middle;
      else low = middle + 1;
    }
    return this.#events.slice(low).map(({ event }) => event);
  }

  /** Lets go of what is no longer fresh; to be called now and then even when nothing happens. */
  forget(now: number): void {
    const events = this.#events;
    while (events.length - this.#start > leastEvents) {
      const oldest = events[this.#start]!;
      if (now - oldest.at < freshMs && events.length - this.#start <= mostEvents) break;
      this.#completeSince = oldest.event.revision;
      this.#start++;
    }
    if (this.#start > 1024 && this.#start > events.length / 2) {
      events.splice(0, this.#start);
      this.#start = 0;
    }
  }

  /** Forgets everything: what came before `revision` was not seen completely. */
  reset(revision: number): void {
    this.#events = [];
    this.#start = 0;
    this.#completeSince = revision;
  }
}
