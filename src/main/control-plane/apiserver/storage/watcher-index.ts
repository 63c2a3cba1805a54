import type { Entry } from '#main/control-plane/apiserver/storage/entry.ts';
import type { Delivery, StorageEvent } from '#main/control-plane/apiserver/storage/event-log.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';

/** Which objects somebody wants. Parts that are absent do not restrict. */
export interface Selection {
  readonly namespace: string;
  readonly name: string | undefined;
  /** The name and the namespace, if there is one, are given: only one object can be meant. */
  readonly isOneObject: boolean;
  /** Pods of one node: by far the most watchers of a large cluster ask for this. */
  readonly nodeName: string | undefined;
  /** What the parts above do not say already. */
  readonly matches: ((entry: Entry) => boolean) | undefined;
}

export interface Watcher {
  readonly selection: Selection;
  /** Called during the turn of the commit; must not throw and not wait. */
  offer(delivery: Delivery): void;
  /** The turn is over: time to send what was offered. */
  flush(): void;
  /** Asks for bookmarks. */
  readonly wantsBookmarks: boolean;
  bookmark(revision: number): void;
  /** What came so far was all that can be told. */
  end(): void;
}

/** Finds the watchers that an event may concern without asking each of them. */
export class WatcherIndex {
  readonly all = new Set<Watcher>();
  readonly #everything = new Set<Watcher>();
  readonly #buckets = new Map<string, Set<Watcher>>();
  readonly #touched = new Set<Watcher>();

  add(watcher: Watcher): Disposable {
    const key = bucketKey(watcher.selection);
    this.all.add(watcher);
    if (key === undefined) this.#everything.add(watcher);
    else {
      const bucket = this.#buckets.get(key);
      if (bucket) bucket.add(watcher);
      else this.#buckets.set(key, new Set([watcher]));
    }
    return { [Symbol.dispose]: () => this.#remove(watcher, key) };
  }

  offer(event: StorageEvent): void {
    if (this.all.size === 0) return;
    for (const watcher of this.#everything) this.#offer(watcher, event);
    if (this.#buckets.size === 0) return;
    const shown = event.entry ?? event.previous!;
    this.#offerBucket(`namespace ${shown.namespace}`, event);
    this.#offerBucket(`name ${shown.namespace}/${shown.name}`, event);
    const node = nodeNameOf(event.entry);
    const previousNode = nodeNameOf(event.previous);
    if (node) this.#offerBucket(`node ${node}`, event);
    if (previousNode && previousNode !== node) this.#offerBucket(`node ${previousNode}`, event);
  }

  /** Lets those send that were offered something since the last call. */
  flush(): void {
    for (const watcher of this.#touched) watcher.flush();
    this.#touched.clear();
  }

  bookmark(revision: number): void {
    for (const watcher of this.all) if (watcher.wantsBookmarks) watcher.bookmark(revision);
  }

  endAll(): void {
    for (const watcher of this.all) watcher.end();
  }

  #offerBucket(key: string, event: StorageEvent): void {
    const bucket = this.#buckets.get(key);
    if (bucket) for (const watcher of bucket) this.#offer(watcher, event);
  }

  #offer(watcher: Watcher, event: StorageEvent): void {
    const delivery = deliveryOf(event, watcher.selection);
    if (!delivery) return;
    watcher.offer(delivery);
    this.#touched.add(watcher);
  }

  #remove(watcher: Watcher, key: string | undefined): void {
    this.all.delete(watcher);
    this.#touched.delete(watcher);
    if (key === undefined) {
      this.#everything.delete(watcher);
      return;
    }
    const bucket = this.#buckets.get(key);
    bucket?.delete(watcher);
    if (bucket?.size === 0) this.#buckets.delete(key);
  }
}

/** Entering a selection is an addition, leaving it a deletion. */
export function deliveryOf(event: StorageEvent, selection: Selection): Delivery | undefined {
  const { entry, previous } = event;
  const isIn = entry !== undefined && isSelected(entry, selection);
  const wasIn = previous !== undefined && isSelected(previous, selection);
  if (isIn) return event.delivery(wasIn ? 'MODIFIED' : 'ADDED');
  return wasIn ? event.delivery('DELETED') : undefined;
}

export function isSelected(entry: Entry, selection: Selection): boolean {
  const { namespace, name, nodeName, matches } = selection;
  if (namespace && entry.namespace !== namespace) return false;
  if (name !== undefined && entry.name !== name) return false;
  if (nodeName !== undefined && (nodeNameOf(entry) ?? '') !== nodeName) return false;
  return matches === undefined || matches(entry);
}

function bucketKey(selection: Selection): string | undefined {
  const { namespace, name, nodeName, isOneObject } = selection;
  if (isOneObject) return `name ${namespace}/${name}`;
  if (nodeName) return `node ${nodeName}`;
  return namespace ? `namespace ${namespace}` : undefined;
}

function nodeNameOf(entry: Entry | undefined): string | undefined {
  return (entry?.object as Partial<Pod> | undefined)?.spec?.nodeName;
}
