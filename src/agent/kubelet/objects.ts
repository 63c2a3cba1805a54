import type { SharedInformers } from '#agent/api/shared-informers.ts';
import { sleep, type Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import { configMaps, nodes, runtimeClasses, secrets, services } from '#agent/api/resources.ts';
import type { ConfigMap, Node, Pod, Secret, Service } from '#shared/api/types/core-v1.ts';
import type { RuntimeClass } from '#shared/api/types/node-v1.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { Informer } from '#shared/client/informer.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';
import { referencedConfigMaps, referencedSecrets } from './pods/references.ts';

export interface ObjectsOptions {
  readonly cluster: Cluster;
  readonly informers: SharedInformers;
  readonly clock: Clock;
  readonly log: Log;
  readonly nodeName: string;
  /** Something that this pod refers to has changed. */
  readonly changed: (podUid: string) => void;
}

/** How long a start waits for what it needs to be known: upstream's bound on a cache's first sync. */
const firstSyncMs = 1000;

/** The API's objects that pods of this node need, kept up to date by watches; nothing is polled. */
export class ClusterObjects implements AsyncDisposable {
  readonly #options: ObjectsOptions;
  readonly #nodes: Informer<Node>;
  readonly #services: Informer<Service>;
  readonly #runtimeClasses: Informer<RuntimeClass>;
  readonly #configMaps: Referenced<ConfigMap>;
  readonly #secrets: Referenced<Secret>;

  constructor(options: ObjectsOptions) {
    const { cluster, informers, clock, log } = options;
    this.#options = options;
    const parts = { cluster, clock, log };
    this.#nodes = informers.of(nodes);
    this.#services = informers.of(services);
    this.#runtimeClasses = new Informer({ ...parts, resource: runtimeClasses });
    this.#configMaps = new Referenced(options, configMaps);
    this.#secrets = new Referenced(options, secrets);
  }

  node(): Node | undefined {
    return this.#nodes.get(this.#options.nodeName);
  }

  get hasServices(): boolean {
    return this.#services.isSynced;
  }

  services(): IterableIterator<Service> {
    return this.#services.values();
  }

  /** Waits a moment for the first list. */
  async runtimeClass(name: string): Promise<RuntimeClass | undefined> {
    await this.#within(this.#runtimeClasses.synced, `runtimeclass.node.k8s.io "${name}"`);
    return this.#runtimeClasses.get(name);
  }

  configMap(namespace: string, name: string): Promise<ConfigMap | undefined> {
    return this.#configMaps.get(namespace, name);
  }

  secret(namespace: string, name: string): Promise<Secret | undefined> {
    return this.#secrets.get(namespace, name);
  }

  /** From now on what the pod refers to is watched for it. */
  retain(pod: Pod): void {
    this.#configMaps.retain(pod, referencedConfigMaps(pod));
    this.#secrets.retain(pod, referencedSecrets(pod));
  }

  release(podUid: string): void {
    this.#configMaps.release(podUid);
    this.#secrets.release(podUid);
  }

  async #within(synced: Promise<void>, what: string): Promise<void> {
    const { clock } = this.#options;
    await Promise.race([synced, late(clock, what)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([
      this.#runtimeClasses[Symbol.asyncDispose](),
      this.#configMaps[Symbol.asyncDispose](),
      this.#secrets[Symbol.asyncDispose](),
    ]);
  }
}

async function late(clock: Clock, what: string): Promise<never> {
  await sleep(clock, firstSyncMs);
  throw new Error(`failed to sync ${what} cache: timed out waiting for the condition`);
}

interface Watched<T extends KubeObject> {
  readonly informer: Informer<T>;
  readonly pods: Set<string>;
}

/** Single objects of one kind, each watched by itself for as long as some pod refers to it. */
class Referenced<T extends KubeObject> implements AsyncDisposable {
  readonly #options: ObjectsOptions;
  readonly #resource: Resource<T>;
  readonly #watched = new Map<string, Watched<T>>();
  readonly #ending = new Set<Promise<void>>();

  constructor(options: ObjectsOptions, resource: Resource<T>) {
    this.#options = options;
    this.#resource = resource;
  }

  async get(namespace: string, name: string): Promise<T | undefined> {
    const key = `${namespace}/${name}`;
    const watched = this.#watched.get(key);
    if (!watched) return await this.#options.cluster.get(this.#resource, { namespace, name });
    const { clock } = this.#options;
    await Promise.race([watched.informer.synced, late(clock, this.#resource.singular)]);
    return watched.informer.get(key);
  }

  retain(pod: Pod, names: Iterable<string>): void {
    const { uid, namespace } = pod.metadata;
    for (const name of names) this.#watch(namespace ?? '', name).pods.add(uid);
  }

  release(podUid: string): void {
    for (const [key, { informer, pods }] of this.#watched) {
      if (!pods.delete(podUid) || pods.size > 0) continue;
      this.#watched.delete(key);
      const end = informer[Symbol.asyncDispose]();
      this.#ending.add(end);
      void end.finally(() => this.#ending.delete(end));
    }
  }

  #watch(namespace: string, name: string): Watched<T> {
    const key = `${namespace}/${name}`;
    const known = this.#watched.get(key);
    if (known) return known;
    const { cluster, clock, log, changed } = this.#options;
    const fieldSelector = `metadata.name=${name}`;
    const resource = this.#resource;
    const informer = new Informer({ cluster, clock, log, resource, namespace, fieldSelector });
    const watched = { informer, pods: new Set<string>() };
    informer.subscribe(() => {
      for (const uid of watched.pods) changed(uid);
    });
    this.#watched.set(key, watched);
    return watched;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ends = [...this.#watched.values()].map(({ informer }) => informer[Symbol.asyncDispose]());
    await Promise.all([...ends, ...this.#ending]);
  }
}
