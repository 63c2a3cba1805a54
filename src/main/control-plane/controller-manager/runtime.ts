import type { Clock } from '#shared/base/clock.ts';
import { exponential, KeyedLoop, type Again } from '#shared/base/keyed-loop.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import type {
  Controller,
  EventRecorder,
  ObjectChange,
  ReconcileContext,
  Wake,
} from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { keyOf, type KubeObject } from '#shared/kube/object.ts';
import { controllerOf, groupOf } from '#shared/kube/owners.ts';
import type { Resource } from '#shared/kube/resource.ts';
import type { Informers } from './informers.ts';
import { createWriter, Sightings } from './writer.ts';

/** What running controllers share. */
export interface Host {
  readonly informers: Informers;
  readonly clock: Clock;
  readonly log: Log;
  /** Who stands in managedFields; the controller manager unless stated. */
  readonly fieldManager?: string;
  /** The API server as one controller's own identity. */
  clusterFor(name: string): Cluster;
  recorderFor(component: string, as: Cluster): EventRecorder;
}

/** Runs a definition: wakes its keys on changes, works through them, backs off on failure. */
export function startController<T extends KubeObject>(
  definition: Controller<T>,
  host: Host,
): AsyncDisposable {
  const running = new RunningController(definition, host);
  const started = running.start();
  return {
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      await started;
    },
  };
}

class RunningController<T extends KubeObject> implements AsyncDisposable {
  readonly #definition: Controller<T>;
  readonly #host: Host;
  readonly #log: Log;
  readonly #cluster: Cluster;
  readonly #events: EventRecorder;
  readonly #loop: KeyedLoop<string>;
  readonly #stop = new AbortController();
  readonly #subscriptions: Disposable[] = [];
  readonly #sightings = new Map<string, Sightings>();
  readonly #resting = new Map<string, number>();
  #woken = new Map<string, number>();

  constructor(definition: Controller<T>, host: Host) {
    this.#definition = definition;
    this.#host = host;
    this.#log = host.log.child({ controller: definition.name });
    this.#cluster = host.clusterFor(definition.name);
    this.#events = host.recorderFor(definition.eventSource ?? definition.name, this.#cluster);
    const { firstMs, maxMs } = definition.backoff ?? { firstMs: 5, maxMs: 1_000_000 };
    this.#loop = new KeyedLoop<string>({
      clock: host.clock,
      concurrency: definition.concurrency ?? 5,
      backoffMs: exponential(firstMs, maxMs),
      run: (key, signal) => this.#pass(key, signal),
      onError: (key, error) => this.#failed(key, error),
    });
  }

  async start(): Promise<void> {
    const { watches, owns = [], triggers = [], reads = [], indexes = [] } = this.#definition;
    const { informers } = this.#host;
    const used = [
      watches as unknown as Resource,
      ...owns,
      ...reads,
      ...triggers.map(({ on }) => on),
    ];
    for (const { on, name, of } of indexes) informers.of(on).addIndex(name, of);
    const stopped = new Promise<void>((resolve) =>
      this.#stop.signal.addEventListener('abort', () => resolve(), { once: true }),
    );
    const synced = Promise.all(
      [...used, ...indexes.map(({ on }) => on)].map((resource) => informers.of(resource).synced),
    );
    await Promise.race([synced, stopped]);
    if (this.#stop.signal.aborted) return;
    this.#subscribe(watches, (change) => this.#wakesOf(change));
    for (const resource of owns) this.#subscribe(resource, (change) => this.#ownersOf(change));
    for (const { on, wakes } of triggers)
      this.#subscribe(on, (change) => wakes(change, informers.cache));
    const { followsWall, follows } = this.#definition;
    const waking = followsWall && this.#host.clock.pauses?.onWake(() => this.#wakeAll());
    if (waking) this.#subscriptions.push(waking);
    const following = follows?.((key) => this.#wake(key));
    if (following) this.#subscriptions.push(following);
  }

  #wakeAll(): void {
    const { informers } = this.#host;
    for (const { metadata } of informers.running(this.#definition.watches).values())
      this.#wake(keyOf(metadata));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('The controller has been stopped'));
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
    await this.#loop[Symbol.asyncDispose]();
  }

  #subscribe<U extends KubeObject>(
    resource: Resource<U>,
    wakes: (change: ObjectChange<U>) => Iterable<Wake>,
  ): void {
    this.#subscriptions.push(
      this.#host.informers.of(resource).subscribe((change) => {
        for (const wake of wakes(change)) this.#wake(wake);
      }),
    );
  }

  #wakesOf(change: ObjectChange<T>): Iterable<Wake> {
    const { wakes } = this.#definition;
    if (wakes) return wakes(change, this.#host.informers.cache);
    return [keyOf((change.after ?? change.before)!.metadata)];
  }

  /** Both owners, when a change moved the object from one to the other. */
  #ownersOf({ before, after }: ObjectChange): Iterable<Wake> {
    const now = this.#ownerKey(after);
    const then = this.#ownerKey(before);
    if (now === undefined) return then === undefined ? [] : [then];
    return then === undefined || then === now ? [now] : [now, then];
  }

  #ownerKey(object: KubeObject | undefined): string | undefined {
    const owner = controllerOf(object?.metadata);
    const { kind, group, scope } = this.#definition.watches;
    if (owner?.kind !== kind || groupOf(owner.apiVersion) !== group) return undefined;
    const namespace = scope === 'Namespaced' ? object!.metadata.namespace : undefined;
    return keyOf({ namespace, name: owner.name });
  }

  /** Changes of one batch of events wake a key once, after the batch. */
  #wake(wake: Wake): void {
    const key = typeof wake === 'string' ? wake : wake.key;
    const afterMs = typeof wake === 'string' ? 0 : wake.afterMs;
    const known = this.#woken.get(key);
    if (known !== undefined && known <= afterMs) return;
    if (this.#woken.size === 0) queueMicrotask(() => this.#flush());
    this.#woken.set(key, afterMs);
  }

  #flush(): void {
    const woken = this.#woken;
    this.#woken = new Map();
    const now = this.#host.clock.elapsed();
    for (const [key, afterMs] of woken)
      this.#loop.addAfter(key, Math.max(afterMs, (this.#resting.get(key) ?? 0) - now));
  }

  async #pass(key: string, signal: AbortSignal): Promise<Again | void> {
    const { clock, informers, log } = this.#host;
    const restMs = (this.#resting.get(key) ?? 0) - clock.elapsed();
    if (restMs > 0) return { afterMs: restMs };
    this.#resting.delete(key);
    const sightings = this.#sightings.get(key) ?? new Sightings(informers);
    this.#sightings.set(key, sightings);
    await sightings.seen(clock, signal);
    const object = informers.running(this.#definition.watches).get(key);
    const context: ReconcileContext = {
      key,
      cache: informers.cache,
      cluster: createWriter(this.#cluster, sightings, this.#host.fieldManager),
      events: this.#events,
      clock,
      log,
      signal,
    };
    const outcome = object
      ? await this.#definition.reconcile(object, context)
      : await this.#definition.gone?.(context);
    if (!object) this.#sightings.delete(key);
    if (outcome?.restMs) this.#resting.set(key, clock.elapsed() + outcome.restMs);
    if (outcome?.afterMs !== undefined) return { afterMs: outcome.afterMs };
  }

  #failed(key: string, error: unknown): void {
    if (ApiError.is(error, 'Conflict', 'NotFound', 'AlreadyExists'))
      this.#log.debug('Reconciling met a change; trying again', { key, error });
    else this.#log.warn('Reconciling failed; trying again', { key, error });
  }
}
