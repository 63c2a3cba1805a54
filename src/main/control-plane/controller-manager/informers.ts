import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { Informer, type IndexFunction } from '#shared/client/informer.ts';
import type { Cache } from '#shared/kube/controller.ts';
import { controllerOf } from '#shared/kube/owners.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';

/** The one live copy of each kind that all controllers of a process read. */
export class Informers implements AsyncDisposable {
  readonly cache: Cache;
  readonly #options: { readonly cluster: Cluster; readonly clock: Clock; readonly log: Log };
  readonly #dropped = new Set<Promise<void>>();
  readonly #informers = new Map<Resource, Informer<KubeObject>>();

  constructor(options: { readonly cluster: Cluster; readonly clock: Clock; readonly log: Log }) {
    this.#options = options;
    const from = <T extends KubeObject>(resource: Resource<T>): Informer<T> =>
      this.running(resource);
    this.cache = {
      get: (resource, key) => from(resource).get(key),
      list: (resource) => from(resource).values(),
      count: (resource) => from(resource).size,
      inNamespace: (resource, namespace) => from(resource).by('namespace', namespace),
      ownedBy: (resource, uid) => from(resource).by('owner', uid),
      orphans: (resource, namespace) => from(resource).by('orphans', namespace),
      by: (resource, index, value) => from(resource).by(index, value),
    };
  }

  /** Starts the kind's informer if nobody has yet. */
  of<T extends KubeObject>(resource: Resource<T>): Informer<T> {
    const known = this.#informers.get(resource);
    if (known) return known as unknown as Informer<T>;
    const informer = new Informer<T>({
      ...this.#options,
      resource,
      indexes: { owner: byOwner, namespace: byNamespace, orphans: byOrphanNamespace },
    });
    this.#informers.set(resource, informer as unknown as Informer<KubeObject>);
    return informer;
  }

  /** The kind's informer if one runs. */
  peek<T extends KubeObject>(resource: Resource<T>): Informer<T> | undefined {
    return this.#informers.get(resource) as unknown as Informer<T> | undefined;
  }

  running<T extends KubeObject>(resource: Resource<T>): Informer<T> {
    const informer = this.peek(resource);
    if (!informer) throw new Error(`No controller has said that it reads ${resource.plural}`);
    return informer;
  }

  /** Stops following a kind that is no longer served. */
  drop(resource: Resource): void {
    const informer = this.#informers.get(resource);
    if (!informer) return;
    this.#informers.delete(resource);
    this.#dropped.add(informer[Symbol.asyncDispose]());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#informers.values()].map((one) => one[Symbol.asyncDispose]()));
    await Promise.all(this.#dropped);
  }
}

const byOwner: IndexFunction<KubeObject> = ({ metadata }) => {
  const owner = controllerOf(metadata);
  return owner ? [owner.uid] : [];
};
const byNamespace: IndexFunction<KubeObject> = ({ metadata: { namespace } }) =>
  namespace ? [namespace] : [];
const byOrphanNamespace: IndexFunction<KubeObject> = ({ metadata }) =>
  metadata.namespace && !controllerOf(metadata) ? [metadata.namespace] : [];
