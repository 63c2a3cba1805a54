import type { Entry, ObjectForm } from '#main/control-plane/apiserver/storage/entry.ts';

/** What became of one object at one revision. */
export class StorageEvent {
  readonly revision: number;
  readonly entry: Entry | undefined;
  readonly previous: Entry | undefined;
  #last: Entry | undefined;
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

  /** Whatever watchers of the same kind can share, made once. */
  frame<T>(form: ObjectForm, key: string, make: () => T): T {
    const id = `${form.apiVersion} ${key}`;
    const known = this.#frames?.get(id) as T | undefined;
    if (known !== undefined) return known;
    const made = make();
    (this.#frames ??= new Map()).set(id, made);
    return made;
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
