import type { ObjectCache, ObjectChange } from '#main/control-plane/apiserver/object-cache.ts';
import type { KubeObject, ObjectKey } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';

/**
 * The server's view of the cluster, for what has to exist before the server does: authorizers subscribe
 * right away and hear of everything once the view is there. Reading earlier throws.
 */
export class LateObjectCache implements ObjectCache {
  #objects: ObjectCache | undefined;
  #waiting: (() => void)[] = [];

  attach(objects: ObjectCache): void {
    this.#objects = objects;
    for (const subscribe of this.#waiting) subscribe();
    this.#waiting = [];
  }

  get<T extends KubeObject>(resource: Resource<T>, key: ObjectKey): T | undefined {
    return this.#attached.get(resource, key);
  }

  list<T extends KubeObject>(resource: Resource<T>, namespace?: string): Iterable<T> {
    return this.#attached.list(resource, namespace);
  }

  subscribe<T extends KubeObject>(
    resource: Resource<T>,
    receive: (change: ObjectChange<T>) => void,
  ): Disposable {
    const stack = new DisposableStack();
    const subscribe = (): void => {
      if (!stack.disposed) stack.use(this.#attached.subscribe(resource, receive));
    };
    if (this.#objects) subscribe();
    else this.#waiting.push(subscribe);
    return stack;
  }

  get #attached(): ObjectCache {
    if (!this.#objects) throw new Error('The server has no view of the cluster yet');
    return this.#objects;
  }
}
