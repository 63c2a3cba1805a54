import type { Clock } from '#shared/base/clock.ts';
import { sleep } from '#shared/base/clock.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { patchTypes } from '#shared/client/transport.ts';
import type { Writer } from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { keyOf, type KubeObject, type ObjectKey } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';
import type { Informers } from './informers.ts';

/** The manager that upstream's controllers leave in managedFields. */
const usualManager = 'kube-controller-manager';

/** Longest wait for the cache to show a write, so that a lost watch delays but never stops a key. */
const patienceMs = 30_000;

/**
 * What one key's passes have written and the cache has not shown yet. A pass that begins only when
 * all of it has been seen can count what is there, and creates nothing twice.
 */
export class Sightings {
  readonly #informers: Informers;
  readonly #revisions = new Map<Resource, string>();
  readonly #deletions: {
    readonly resource: Resource;
    readonly key: string;
    readonly uid: string;
  }[] = [];

  constructor(informers: Informers) {
    this.#informers = informers;
  }

  written(resource: Resource, object: KubeObject): void {
    if (!this.#informers.peek(resource)) return;
    const { resourceVersion } = object.metadata;
    const known = this.#revisions.get(resource);
    if (!known || Number(known) < Number(resourceVersion))
      this.#revisions.set(resource, resourceVersion);
  }

  deleted(resource: Resource, key: ObjectKey): void {
    const name = keyOf(key);
    const cached = this.#informers.peek(resource)?.get(name);
    if (cached) this.#deletions.push({ resource, key: name, uid: cached.metadata.uid });
  }

  /** Resolves when the cache shows all of it, or when patience ends. */
  async seen(clock: Clock, signal: AbortSignal): Promise<void> {
    if (this.#revisions.size === 0 && this.#deletions.length === 0) return;
    const waits: Promise<void>[] = [];
    for (const [resource, revision] of this.#revisions) {
      const informer = this.#informers.running(resource);
      if (!informer.hasReached(revision))
        waits.push(informer.when(() => informer.hasReached(revision)));
    }
    for (const deletion of this.#deletions)
      if (!this.#isSeen(deletion))
        waits.push(this.#informers.running(deletion.resource).when(() => this.#isSeen(deletion)));
    if (waits.length > 0) await this.#patiently(Promise.all(waits), clock, signal);
    this.#revisions.clear();
    this.#deletions.length = 0;
  }

  #isSeen({ resource, key, uid }: { resource: Resource; key: string; uid: string }): boolean {
    const { metadata } = this.#informers.running(resource).get(key) ?? {};
    return metadata?.uid !== uid || metadata.deletionTimestamp !== undefined;
  }

  async #patiently(wait: Promise<unknown>, clock: Clock, signal: AbortSignal): Promise<void> {
    const enough = new AbortController();
    const stop = AbortSignal.any([signal, enough.signal]);
    const patience = sleep(clock, patienceMs, stop).catch(() => undefined); // ended by whichever comes first
    await Promise.race([wait, patience]);
    enough.abort(new Error('The wait is over'));
    signal.throwIfAborted();
  }
}

/** A way to the API server that tells `sightings` of every write. */
export function createWriter(
  cluster: Cluster,
  sightings: Sightings,
  fieldManager = usualManager,
): Writer {
  const wrote = <T extends KubeObject>(resource: Resource<T>, object: T): T => {
    sightings.written(resource, object);
    return object;
  };
  return {
    get: (resource, key) => cluster.get(resource, key),
    async create(resource, object) {
      return wrote(resource, await cluster.create(resource, object, { fieldManager }));
    },
    async update(resource, object, call = {}) {
      return wrote(resource, await cluster.update(resource, object, { ...call, fieldManager }));
    },
    async updateStatus(resource, object) {
      const call = { subresource: 'status', fieldManager };
      return wrote(resource, await cluster.update(resource, object, call));
    },
    async patch(resource, key, { type, body, ...call }) {
      const patch = { type: patchTypes[type], body };
      return wrote(resource, await cluster.patch(resource, key, patch, { fieldManager, ...call }));
    },
    async delete(resource, key, call = {}) {
      const own = resource as unknown as Resource;
      try {
        await cluster.delete(resource, key, call);
        sightings.deleted(own, key);
      } catch (error) {
        if (ApiError.is(error, 'NotFound')) sightings.deleted(own, key);
        throw error;
      }
    },
    post: (resource, key, body) => cluster.post(resource, key, body),
  };
}
