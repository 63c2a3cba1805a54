import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { KubeObject, New, ObjectKey } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';

/** What happened to one object: `before` is absent when it is new, `after` when it is gone. */
export interface ObjectChange<T extends KubeObject = KubeObject> {
  readonly before: T | undefined;
  readonly after: T | undefined;
}

/** What the cluster looked like a moment ago. Reads never wait and never fail. */
export interface Cache {
  get<T extends KubeObject>(resource: Resource<T>, key: string): T | undefined;
  list<T extends KubeObject>(resource: Resource<T>): Iterable<T>;
  count(resource: Resource): number;
  inNamespace<T extends KubeObject>(resource: Resource<T>, namespace: string): Iterable<T>;
  /** Those whose controller reference has this uid. */
  ownedBy<T extends KubeObject>(resource: Resource<T>, uid: string): Iterable<T>;
  /** Those of a namespace that have no controller. */
  orphans<T extends KubeObject>(resource: Resource<T>, namespace: string): Iterable<T>;
  /** Those that an index of the controller's own gave this value to. */
  by<T extends KubeObject>(resource: Resource<T>, index: string, value: string): Iterable<T>;
}

export interface WriteCall {
  readonly subresource?: string;
  readonly signal?: AbortSignal;
}

export interface DeleteCall {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

export interface PatchCall {
  readonly type: 'json' | 'merge' | 'strategic' | 'apply';
  readonly body: unknown;
  /** Who applies, where that is not simply the controller manager. */
  readonly fieldManager?: string;
  /** Apply only: take over what others own. */
  readonly force?: boolean;
}

/**
 * The API server as one controller. Every write is remembered, so that the next pass over the same
 * key waits until the cache has seen it; controllers need no expectations of their own.
 */
export interface Writer {
  /** Past the cache; for the rare case that must not be stale. */
  get<T extends KubeObject>(resource: Resource<T>, key: ObjectKey): Promise<T>;
  create<T extends KubeObject>(resource: Resource<T>, object: New<T>): Promise<T>;
  update<T extends KubeObject>(resource: Resource<T>, object: T, call?: WriteCall): Promise<T>;
  updateStatus<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T>;
  patch<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    patch: PatchCall & WriteCall,
  ): Promise<T>;
  delete<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    call?: DeleteCall,
  ): Promise<void>;
  post(
    resource: Resource,
    key: ObjectKey & { readonly subresource: string },
    body: unknown,
  ): Promise<unknown>;
}

/** Tells people what happened to an object, as client-go's EventRecorder. Never fails, never waits. */
export interface EventRecorder {
  record(about: EventSubject, type: 'Normal' | 'Warning', reason: string, message: string): void;
}

export type EventSubject = Pick<KubeObject, 'apiVersion' | 'kind'> & {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion?: string;
  };
  /** Names a part of the object, such as a container. */
  readonly fieldPath?: string;
};

export interface ReconcileContext {
  /** `namespace/name` of what is reconciled. */
  readonly key: string;
  readonly cache: Cache;
  readonly cluster: Writer;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface Outcome {
  /** Due once more after this, whatever happens. */
  readonly afterMs?: number | undefined;
  /** Not before this, whatever happens: many changes then cost one pass. */
  readonly restMs?: number | undefined;
}

/** A key, or a key that is due only later. */
export type Wake = string | { readonly key: string; readonly afterMs: number };

/** A change of another kind that wakes keys of this controller. */
export interface Trigger {
  readonly on: Resource;
  wakes(change: ObjectChange, cache: Cache): Iterable<Wake>;
}

export interface CacheIndex {
  readonly on: Resource;
  readonly name: string;
  of(object: KubeObject): readonly string[];
}

/** One controller: what it watches, what it owns, and what it does about one object. */
export interface Controller<T extends KubeObject = KubeObject> {
  /** As upstream's service account of it: `deployment-controller`. */
  readonly name: string;
  /** The component that its events name; the controller's name unless stated. */
  readonly eventSource?: string;
  readonly watches: Resource<T>;
  /** What it does depends on the time of day: after the host slept, every object is looked at again. */
  readonly followsWall?: boolean;
  /** Which change of the object itself wakes it, and when; every change at once unless stated. */
  wakes?(change: ObjectChange<T>, cache: Cache): Iterable<Wake>;
  /** A change to one of these wakes its controller, if that is of the watched kind. */
  readonly owns?: readonly Resource[];
  readonly triggers?: readonly Trigger[];
  /** Changes that the API does not tell of: calls `wake` with a key for each, until disposed of. */
  follows?(wake: (key: string) => void): Disposable;
  /** Kinds that are only read. */
  readonly reads?: readonly Resource[];
  readonly indexes?: readonly CacheIndex[];
  /** How many keys are worked on at once; 5 unless stated, as upstream. */
  readonly concurrency?: number;
  /** Between retries of a key, doubling; 5 ms to 1000 s unless stated. */
  readonly backoff?: { readonly firstMs: number; readonly maxMs: number };
  reconcile(object: T, context: ReconcileContext): Promise<Outcome | void>;
  /** What is left to do when the object is gone. */
  gone?(context: ReconcileContext): Promise<Outcome | void>;
}

export function controller<T extends KubeObject>(definition: Controller<T>): Controller<T> {
  return Object.freeze(definition);
}

export function trigger<T extends KubeObject>(
  on: Resource<T>,
  wakes: (change: ObjectChange<T>, cache: Cache) => Iterable<Wake>,
): Trigger {
  return { on: on, wakes: wakes };
}

export function cacheIndex<T extends KubeObject>(
  on: Resource<T>,
  name: string,
  of: (object: T) => readonly string[],
): CacheIndex {
  return { on: on, name, of: of };
}
