import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { Informer } from '#shared/client/informer.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';

export interface SharedInformersOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Whole kinds that several parts of the agent look at: listed, watched and kept once. Parts may add
 * indexes and subscribe, and end no informer: that is for whoever made this.
 */
export class SharedInformers implements AsyncDisposable {
  readonly #options: SharedInformersOptions;
  readonly #informers = new Map<string, Informer<KubeObject>>();

  constructor(options: SharedInformersOptions) {
    this.#options = options;
  }

  /** Begins to list and watch the kind when it is first asked for. */
  of<T extends KubeObject>(resource: Resource<T>): Informer<T> {
    const key = `${resource.group}/${resource.plural}`;
    const known = this.#informers.get(key);
    if (known) return known as unknown as Informer<T>;
    const { cluster, clock, log } = this.#options;
    const informer = new Informer({ cluster, clock, log, resource });
    this.#informers.set(key, informer as unknown as Informer<KubeObject>);
    return informer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#informers.values()].map((one) => one[Symbol.asyncDispose]()));
  }
}
