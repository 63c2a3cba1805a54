import type { ObjectChange } from '#main/control-plane/apiserver/object-cache.ts';
import type { Entry, ObjectForm } from '#main/control-plane/apiserver/storage/entry.ts';
import { EventLog, StorageEvent } from '#main/control-plane/apiserver/storage/event-log.ts';
import { WatcherIndex } from '#main/control-plane/apiserver/storage/watcher-index.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';

type Receive = (change: ObjectChange<KubeObject>) => void;

/** The objects of one namespace (or of a cluster-scoped kind) by name, sorted when somebody asks. */
class Namespace {
  readonly entries = new Map<string, Entry>();
  #names: string[] = [];
  #added: string[] = [];
  #hasRemoved = false;
  #sorted: readonly Entry[] | undefined;

  put(entry: Entry): Entry | undefined {
    const { name } = entry;
    const previous = this.entries.get(name);
    if (!previous) this.#added.push(name);
    this.entries.set(name, entry);
    this.#sorted = undefined;
    return previous;
  }

  remove(name: string): Entry | undefined {
    const previous = this.entries.get(name);
    if (previous) this.#hasRemoved = true;
    this.entries.delete(name);
    this.#sorted = undefined;
    return previous;
  }

  /** In the order of their names; kept until something changes. */
  sorted(): readonly Entry[] {
    return (this.#sorted ??= this.#inOrder().map((name) => this.entries.get(name)!));
  }

  #inOrder(): readonly string[] {
    if (this.#added.length === 0 && !this.#hasRemoved) return this.#names;
    const kept = this.#hasRemoved
      ? this.#names.filter((name) => this.entries.has(name))
      : this.#names;
    const isNew = this.#hasRemoved ? new Set(kept) : undefined;
    const added = this.#added.filter((name) => this.entries.has(name) && !isNew?.has(name)).sort();
    this.#names = mergeSorted(kept, added);
    this.#added = [];
    this.#hasRemoved = false;
    return this.#names;
  }
}

function mergeSorted(left: readonly string[], right: readonly string[]): string[] {
  if (right.length === 0) return [...left];
  const last = left.at(-1);
  if (last === undefined || last < right[0]!) return left.concat(unique(right));
  return unique([...left, ...right].sort());
}

function unique(sorted: readonly string[]): string[] {
  return sorted.filter((name, index) => name !== sorted[index - 1]);
}

export interface CacheOptions {
  readonly isNamespaced: boolean;
  readonly ttlSeconds?: number | undefined;
  /** The schema's name of what protobuf values hold. */
  readonly messageType?: string;
  /** What is stored in another version stays in it: only a webhook knows how to convert it. */
  readonly keepsVersions?: boolean;
  /** Brings an object that another server stored in another version into the form of this cache. */
  readonly adopt?: (foreign: Draft<KubeObject>) => Draft<KubeObject>;
}

/** Everything known of what is stored under one prefix: the objects, their recent past, who watches. */
export class ResourceCache {
  /** `/registry/pods`, without a trailing slash. */
  readonly prefix: string;
  readonly options: CacheOptions;
  readonly log: EventLog;
  readonly watchers = new WatcherIndex();
  /** How values are encoded that this server writes. */
  form: ObjectForm;
  readonly #namespaces = new Map<string, Namespace>();
  readonly #subscribers = new Set<Receive>();
  #sortedNamespaces: readonly string[] | undefined;
  #size = 0;

  constructor(prefix: string, form: ObjectForm, options: CacheOptions) {
    this.prefix = prefix;
    this.form = form;
    this.options = options;
    this.log = new EventLog(0);
  }

  get size(): number {
    return this.#size;
  }

  get isNamespaced(): boolean {
    return this.options.isNamespaced;
  }

  get(namespace: string, name: string): Entry | undefined {
    return this.#namespaces.get(this.isNamespaced ? namespace : '')?.entries.get(name);
  }

  /** In no particular order. */
  *values(namespace = ''): IterableIterator<Entry> {
    if (namespace) {
      const one = this.#namespaces.get(namespace);
      if (one) yield* one.entries.values();
    } else for (const each of this.#namespaces.values()) yield* each.entries.values();
  }

  /** In the order of their keys, as etcd's: `a-b/x` comes before `a/x`. */
  sorted(namespace = ''): readonly Entry[] {
    const ids = namespace ? [namespace] : this.#namespaceOrder();
    const [first = '', ...others] = ids;
    const all = this.#namespaces.get(first)?.sorted() ?? [];
    return all.concat(...others.map((id) => this.#namespaces.get(id)!.sorted()));
  }

  /** Takes one change in and tells everybody; objects come in the order of their commits. */
  apply(event: StorageEvent, now: number): void {
    if (event.entry) this.#put(event.entry);
    else if (event.previous) this.#remove(event.previous);
    this.log.append(event, now);
    this.#tell(event);
    this.watchers.offer(event);
  }

  /** The state after a gap: who subscribes hears of the differences, watchers have to begin again. */
  replace(entries: readonly Entry[], revision: number): void {
    const gone = new Set(this.values());
    for (const entry of entries) {
      const previous = this.get(entry.namespace, entry.name);
      if (previous) gone.delete(previous);
      if (previous?.revision === entry.revision) continue;
      this.#put(entry);
      this.#tell(new StorageEvent(entry.revision, entry, previous));
    }
    for (const previous of gone) {
      this.#remove(previous);
      this.#tell(new StorageEvent(revision, undefined, previous));
    }
    this.log.reset(revision);
    this.watchers.endAll();
  }

  subscribe(receive: Receive): Disposable {
    for (const { object } of this.values()) receive({ before: undefined, after: object });
    this.#subscribers.add(receive);
    return { [Symbol.dispose]: () => void this.#subscribers.delete(receive) };
  }

  #tell(event: StorageEvent): void {
    if (this.#subscribers.size === 0) return;
    const change = { before: event.previous?.object, after: event.entry?.object };
    for (const receive of this.#subscribers) receive(change);
  }

  #put(entry: Entry): void {
    const id = this.isNamespaced ? entry.namespace : '';
    let bucket = this.#namespaces.get(id);
    if (!bucket) {
      bucket = new Namespace();
      this.#namespaces.set(id, bucket);
      this.#sortedNamespaces = undefined;
    }
    if (!bucket.put(entry)) this.#size++;
  }

  #remove(entry: Entry): void {
    const id = this.isNamespaced ? entry.namespace : '';
    const bucket = this.#namespaces.get(id);
    if (!bucket?.remove(entry.name)) return;
    this.#size--;
    if (bucket.entries.size > 0) return;
    this.#namespaces.delete(id);
    this.#sortedNamespaces = undefined;
  }

  #namespaceOrder(): readonly string[] {
    return (this.#sortedNamespaces ??= [...this.#namespaces.keys()]
      .map((id) => `${id}/`)
      .sort()
      .map((id) => id.slice(0, -1)));
  }
}
