import type { Delivery } from '#main/control-plane/apiserver/storage/event-log.ts';
import type { ListOptions } from '#main/control-plane/apiserver/storage/list-options.ts';
import { parseRevision } from '#main/control-plane/apiserver/storage/list-options.ts';
import type { ResourceCache } from '#main/control-plane/apiserver/storage/resource-cache.ts';
import type { WatchCache } from '#main/control-plane/apiserver/storage/watch-cache.ts';
import {
  deliveryOf,
  isSelected,
  type Selection,
  type Watcher,
} from '#main/control-plane/apiserver/storage/watcher-index.ts';
import type { Clock } from '#shared/base/clock.ts';
import { ApiError } from '#shared/kube/errors.ts';

/** Where a watch's events go. All calls come in order; after `end` there is none. */
export interface WatchSink {
  send(deliveries: readonly Delivery[]): void;
  bookmark(revision: number, options: { readonly endsInitialEvents: boolean }): void;
  /** With an error the client is told; without, the watch is just over. */
  end(error?: ApiError): void;
}

export interface WatchSessionOptions {
  readonly cache: ResourceCache;
  readonly watchCache: WatchCache;
  readonly selection: Selection;
  readonly options: ListOptions;
  readonly clock: Clock;
  readonly sink: WatchSink;
}

/** A watch lives 30 to 60 minutes unless it asks for something else, as upstream's. */
const leastTimeoutMs = 1_800_000;
/** A last bookmark shortly before the end lets the client resume from there. */
const lastBookmarkMs = 2_000;

const none: Delivery[] = [];

/** Brings one client up to date and then tells it everything that happens to its selection. */
export class WatchSession implements Watcher, Disposable {
  readonly selection: Selection;
  readonly wantsBookmarks: boolean;
  readonly #sink: WatchSink;
  readonly #timers: Disposable[] = [];
  #offered: Delivery[] = none;
  #registration: Disposable | undefined;
  #isOver = false;

  constructor({ selection, options, sink }: WatchSessionOptions) {
    this.selection = selection;
    this.wantsBookmarks = options.allowsBookmarks;
    this.#sink = sink;
  }

  /** Sends what there is already and begins to listen, without a gap between the two. */
  start({ cache, watchCache, options, clock }: WatchSessionOptions): void {
    if (this.#isOver) return;
    const revision = parseRevision(options.resourceVersion);
    const startsAnywhere = revision === 0;
    const sendsState = options.sendsInitialEvents ?? startsAnywhere;
    if (sendsState) this.#sendState(cache);
    else if (!startsAnywhere && !this.#sendPast(cache, revision)) return;
    if (options.sendsInitialEvents) {
      this.#sink.bookmark(watchCache.revision, { endsInitialEvents: true });
    }
    this.#registration = cache.watchers.add(
      revision > watchCache.revision && !sendsState ? this.#after(revision) : this,
    );
    this.#planEnd(watchCache, options, clock);
  }

  offer(delivery: Delivery): void {
    if (this.#offered.length > 0) this.#offered.push(delivery);
    else this.#offered = [delivery]; // one is usual, and costs no room for more
  }

  flush(): void {
    if (this.#isOver || this.#offered.length === 0) return;
    const deliveries = this.#offered;
    this.#offered = none;
    this.#sink.send(deliveries);
  }

  bookmark(revision: number): void {
    if (!this.#isOver) this.#sink.bookmark(revision, { endsInitialEvents: false });
  }

  end(error?: ApiError): void {
    if (this.#isOver) return;
    this[Symbol.dispose]();
    this.#sink.end(error);
  }

  /** Stops listening; the sink hears nothing more. */
  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#registration?.[Symbol.dispose]();
    for (const timer of this.#timers) timer[Symbol.dispose]();
  }

  #sendState(cache: ResourceCache): void {
    const { namespace, name, isOneObject } = this.selection;
    const one = isOneObject ? cache.get(namespace, name!) : undefined;
    const entries = isOneObject ? (one ? [one] : []) : cache.sorted(namespace);
    const deliveries: Delivery[] = [];
    for (const entry of entries) {
      if (isSelected(entry, this.selection)) deliveries.push({ type: 'ADDED', entry });
    }
    if (deliveries.length > 0) this.#sink.send(deliveries);
  }

  #sendPast(cache: ResourceCache, revision: number): boolean {
    const events = cache.log.since(revision);
    if (!events) {
      const oldest = cache.log.completeSince;
      this.end(new ApiError('Expired', `too old resource version: ${revision} (${oldest})`));
      return false;
    }
    const deliveries = events.flatMap((event) => deliveryOf(event, this.selection) ?? []);
    if (deliveries.length > 0) this.#sink.send(deliveries);
    return true;
  }

  /** A client that knows more than this server waits until the server has caught up. */
  #after(revision: number): Watcher {
    return {
      selection: this.selection,
      wantsBookmarks: this.wantsBookmarks,
      offer: (delivery) => {
        if ((delivery.event?.revision ?? 0) > revision) this.offer(delivery);
      },
      flush: () => this.flush(),
      bookmark: (current) => {
        if (current >= revision) this.bookmark(current);
      },
      end: () => this.end(),
    };
  }

  #planEnd(watchCache: WatchCache, { timeoutSeconds }: ListOptions, clock: Clock): void {
    const timeoutMs = timeoutSeconds
      ? timeoutSeconds * 1000
      : Math.round(leastTimeoutMs * (1 + Math.random()));
    this.#timers.push(clock.after(timeoutMs, () => this.end()));
    if (!this.wantsBookmarks || timeoutMs <= lastBookmarkMs) return;
    const last = (): void => this.bookmark(watchCache.revision);
    this.#timers.push(clock.after(timeoutMs - lastBookmarkMs, last));
  }
}
