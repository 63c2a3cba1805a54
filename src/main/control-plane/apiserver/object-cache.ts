import type { KubeObject, ObjectKey } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';

export interface ObjectChange<T extends KubeObject> {
  readonly before: T | undefined;
  readonly after: T | undefined;
}

/**
 * What the server itself knows of the cluster: the watch caches, read by reference. Reads never wait.
 * Authorizers, authenticators and admission look things up here, as upstream's do in their informers.
 */
export interface ObjectCache {
  get<T extends KubeObject>(resource: Resource<T>, key: ObjectKey): T | undefined;
  list<T extends KubeObject>(resource: Resource<T>, namespace?: string): Iterable<T>;
  /** Tells what is there now as additions, then every change in order, in the turn of its commit. */
  subscribe<T extends KubeObject>(
    resource: Resource<T>,
    receive: (change: ObjectChange<T>) => void,
  ): Disposable;
}
