import { exponential, KeyedLoop } from '#shared/base/keyed-loop.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { patchTypes } from '#shared/client/transport.ts';
import type { EventRecorder, ObjectChange } from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { KubeObject, ObjectKey } from '#shared/kube/object.ts';
import { groupVersionOf, type Resource } from '#shared/kube/resource.ts';
import type { OwnerReference } from '#shared/kube/types/meta-v1.ts';
import { FirstLists } from './garbage-collector/first-lists.ts';
import {
  foregroundFinalizer,
  Graph,
  has,
  isDeletingDependents,
  isOrphaning,
  orphanFinalizer,
  ownersOf,
  type Item,
} from './garbage-collector/graph.ts';
import type { Kinds } from './kinds.ts';
import type { Host } from './runtime.ts';

const workers = 20;
const absentCapacity = 500;

/** Deletes what has lost its last owner, orphans what should be kept, and ends foreground deletions. */
export function startGarbageCollector(host: Host, kinds: Kinds): AsyncDisposable {
  return new GarbageCollector(host, kinds);
}

class GarbageCollector implements AsyncDisposable {
  readonly #host: Host;
  readonly #kinds: Kinds;
  readonly #cluster: Cluster;
  readonly #events: EventRecorder;
  readonly #log: Log;
  readonly #graph = new Graph();
  readonly #subscriptions = new Map<Resource, Disposable>();
  readonly #absent = new Set<string>();
  readonly #loop: KeyedLoop<string>;
  readonly #firstLists: FirstLists;
  #isStopped = false;

  constructor(host: Host, kinds: Kinds) {
    this.#host = host;
    this.#kinds = kinds;
    this.#cluster = host.clusterFor('generic-garbage-collector');
    this.#events = host.recorderFor('garbage-collector-controller', this.#cluster);
    this.#log = host.log.child({ controller: 'generic-garbage-collector' });
    this.#firstLists = new FirstLists(host.clock);
    this.#loop = new KeyedLoop<string>({
      clock: host.clock,
      concurrency: workers,
      backoffMs: exponential(5, 1_000_000),
      run: (uid) => this.#process(uid),
      onError: (uid, error) => this.#log.debug('Cannot collect yet; trying again', { uid, error }),
    });
    kinds.subscribe({
      added: (kind) => this.#follow(kind),
      removed: (kind) => {
        this.#subscriptions.get(kind)?.[Symbol.dispose]();
        this.#subscriptions.delete(kind);
        this.#firstLists.remove(kind);
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    this.#firstLists[Symbol.dispose]();
    for (const subscription of this.#subscriptions.values()) subscription[Symbol.dispose]();
    await this.#loop[Symbol.asyncDispose]();
  }

  #follow(kind: Resource): void {
    const informer = this.#host.informers.of(kind);
    this.#firstLists.add(kind, informer.synced);
    this.#subscriptions.set(
      kind,
      informer.subscribe((change) => this.#changed(kind, change)),
    );
  }

  #changed(kind: Resource, { before, after }: ObjectChange): void {
    if (!after) return this.#deleted(before!);
    if (before && before.metadata.uid !== after.metadata.uid) this.#deleted(before);
    const { uid } = after.metadata;
    const known = this.#graph.get(uid);
    const previous = known && ownersOf(known.object);
    const wasDeletingDependents = known !== undefined && isDeletingDependents(known);
    this.#graph.put(kind, after);
    if (isOrphaning(after)) this.#loop.add(uid);
    if (!wasDeletingDependents && isDeletingDependents({ kind, object: after })) {
      this.#loop.add(uid);
      for (const dependent of this.#graph.dependentUids(uid)) this.#loop.add(dependent);
    }
    const owners = ownersOf(after);
    if (previous !== owners) this.#ownersChanged({ kind, object: after }, previous ?? []);
  }

  #ownersChanged(item: Item, previous: readonly OwnerReference[]): void {
    for (const { uid } of previous) {
      const owner = this.#graph.get(uid);
      if (owner && isDeletingDependents(owner)) this.#loop.add(uid);
    }
    for (const reference of ownersOf(item.object)) {
      const owner = this.#graph.get(reference.uid);
      if (!owner || isDeletingDependents(owner)) this.#loop.add(item.object.metadata.uid);
      else if (!this.#matches(owner, reference, item)) {
        this.#loop.add(item.object.metadata.uid);
        this.#warnOfNamespace(owner, reference, item);
      }
    }
  }

  /** An owner must be in the dependent's own namespace, or in none. */
  #warnOfNamespace(owner: Item, reference: OwnerReference, { kind, object }: Item): void {
    const { namespace } = owner.object.metadata;
    const own = object.metadata.namespace ?? '';
    if (!namespace || namespace === own) return;
    const { apiVersion, name, uid } = reference;
    const shown = `[${apiVersion}/${reference.kind}, namespace: ${own}, name: ${name}, uid: ${uid}]`;
    const subject = { ...object, apiVersion: groupVersionOf(kind), kind: kind.kind };
    const message = `ownerRef ${shown} does not exist in namespace ${JSON.stringify(own)}`;
    this.#events.record(subject, 'Warning', 'OwnerRefInvalidNamespace', message);
  }

  #matches(owner: Item, reference: OwnerReference, { object }: Item): boolean {
    const { namespace, name } = owner.object.metadata;
    if (namespace && namespace !== object.metadata.namespace) return false;
    return (
      name === reference.name &&
      owner.kind.kind === reference.kind &&
      owner.kind.group ===
        (reference.apiVersion.includes('/') ? reference.apiVersion.split('/')[0] : '')
    );
  }

  #deleted(object: KubeObject): void {
    this.#graph.remove(object);
    for (const uid of this.#graph.dependentUids(object.metadata.uid)) this.#loop.add(uid);
    for (const { uid } of ownersOf(object)) {
      const owner = this.#graph.get(uid);
      // Only the last one to go lets the owner go: it is not looked at once for each before.
      if (owner && isDeletingDependents(owner) && !this.#graph.hasBlockingDependents(uid))
        this.#loop.add(uid);
    }
  }

  async #process(uid: string): Promise<void> {
    await this.#firstLists.over();
    const item = this.#graph.get(uid);
    if (!item || this.#isStopped) return;
    if (isOrphaning(item.object)) return await this.#orphanDependents(item);
    if (isDeletingDependents(item)) return await this.#endForeground(item);
    const owners = ownersOf(item.object);
    if (item.object.metadata.deletionTimestamp || owners.length === 0) return;
    const sorted = await this.#classify(owners, item);
    const gone = [...sorted.dangling, ...sorted.waiting];
    if (sorted.solid.length > 0) {
      if (gone.length > 0) await this.#removeOwners(item, new Set(gone.map((one) => one.uid)));
      return;
    }
    const dependents = this.#graph.dependentsOf(uid);
    if (sorted.waiting.length > 0 && dependents.length > 0) {
      // An owner and a dependent that wait for each other: this one must not hold its owner back.
      if (dependents.some(isDeletingDependents)) await this.#unblockOwners(item);
      await this.#delete(item, 'Foreground');
      return;
    }
    const { object } = item;
    if (has(object, orphanFinalizer)) await this.#delete(item, 'Orphan');
    else await this.#delete(item, has(object, foregroundFinalizer) ? 'Foreground' : 'Background');
  }

  async #classify(owners: readonly OwnerReference[], item: Item) {
    const solid: OwnerReference[] = [];
    const dangling: OwnerReference[] = [];
    const waiting: OwnerReference[] = [];
    for (const reference of owners) {
      const owner = await this.#ownerOf(reference, item);
      if (!owner) dangling.push(reference);
      else if (isDeletingDependents(owner)) waiting.push(reference);
      else solid.push(reference);
    }
    return { solid, dangling, waiting };
  }

  /** `undefined` only for an owner that the server itself says does not exist. */
  async #ownerOf(reference: OwnerReference, item: Item): Promise<Item | undefined> {
    const known = this.#graph.get(reference.uid);
    if (known && this.#matches(known, reference, item)) return known;
    const { apiVersion, kind, name, uid } = reference;
    const { namespace } = item.object.metadata;
    const absentKey = `${namespace ?? ''}/${apiVersion}/${kind}/${name}/${uid}`;
    if (this.#absent.has(absentKey)) return undefined;
    const resource = this.#kinds.find(apiVersion, kind);
    if (!resource) throw new Error(`no matches for kind "${kind}" in version "${apiVersion}"`);
    const isNamespaced = resource.scope === 'Namespaced';
    // Not valid, but also no proof that the owner is gone.
    if (isNamespaced && !namespace) return { kind: resource, object: item.object };
    try {
      const key = isNamespaced ? { namespace, name } : { name };
      const object = await this.#cluster.get(resource, key);
      if (object.metadata.uid === uid) return { kind: resource, object };
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
    }
    this.#absent.add(absentKey);
    if (this.#absent.size > absentCapacity)
      for (const oldest of this.#absent) {
        this.#absent.delete(oldest);
        break;
      }
    return undefined;
  }

  async #orphanDependents({ kind, object }: Item): Promise<void> {
    const { uid } = object.metadata;
    const dependents = this.#graph.dependentsOf(uid);
    const owners = new Set([uid]);
    await Promise.all(dependents.map((dependent) => this.#removeOwners(dependent, owners)));
    await this.#removeFinalizer({ kind, object }, orphanFinalizer);
  }

  async #endForeground(item: Item): Promise<void> {
    const { uid } = item.object.metadata;
    if (!this.#graph.hasBlockingDependents(uid))
      return await this.#removeFinalizer(item, foregroundFinalizer);
    for (const dependent of this.#graph.blockingDependents(uid))
      if (!isDeletingDependents(dependent)) this.#loop.add(dependent.object.metadata.uid);
  }

  async #removeOwners(item: Item, owners: ReadonlySet<string>): Promise<void> {
    const kept = ownersOf(item.object).filter(({ uid }) => !owners.has(uid));
    await this.#patch(item, { ownerReferences: kept.length > 0 ? kept : null });
  }

  async #unblockOwners(item: Item): Promise<void> {
    const ownerReferences = ownersOf(item.object).map((owner) => ({
      ...owner,
      blockOwnerDeletion: false,
    }));
    await this.#patch(item, { ownerReferences });
  }

  async #removeFinalizer(item: Item, finalizer: string): Promise<void> {
    const kept = (item.object.metadata.finalizers ?? []).filter((one) => one !== finalizer);
    await this.#patch(item, { finalizers: kept.length > 0 ? kept : null });
  }

  async #patch({ kind, object }: Item, change: object): Promise<void> {
    const { resourceVersion, uid } = object.metadata;
    const body = { metadata: { ...change, uid, resourceVersion } };
    try {
      await this.#cluster.patch(kind, keyFor(object), { type: patchTypes.merge, body });
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
    }
  }

  async #delete(
    { kind, object }: Item,
    propagationPolicy: 'Orphan' | 'Foreground' | 'Background',
  ): Promise<void> {
    const { uid, resourceVersion } = object.metadata;
    const preconditions = { uid, resourceVersion };
    try {
      await this.#cluster.delete(kind, keyFor(object), { propagationPolicy, preconditions });
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
    }
  }
}

function keyFor({ metadata: { namespace, name } }: KubeObject): ObjectKey {
  return namespace ? { namespace, name } : { name };
}
