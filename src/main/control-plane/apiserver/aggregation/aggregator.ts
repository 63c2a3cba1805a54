import {
  available,
  failedDiscovery,
  serviceProblem,
  type Availability,
} from '#main/control-plane/apiserver/aggregation/availability.ts';
import {
  hostOfService,
  type AggregationLink,
} from '#main/control-plane/apiserver/aggregation/connection.ts';
import { discover, type Discovered } from '#main/control-plane/apiserver/aggregation/discover.ts';
import type { ServedVersion } from '#main/control-plane/apiserver/discovery/served-groups.ts';
import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import { timestamp } from '#main/control-plane/apiserver/registry/metadata.ts';
import { cacheOf } from '#main/control-plane/apiserver/registry/storage-of.ts';
import { failureText } from '#main/control-plane/apiserver/webhook/failure.ts';
import { apiServices } from '#shared/api/apiregistration/api-service.ts';
import { endpointSlices } from '#shared/api/discovery/endpoint-slice.ts';
import { services } from '#shared/api/core/service.ts';
import type { APIService } from '#shared/api/types/apiregistration-v1.ts';
import { exponential, KeyedLoop } from '#shared/base/keyed-loop.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';

/** How often an API server that answers is asked again, as upstream resyncs. */
const againMs = 30_000;
const retryMs = 1_000;

interface Known {
  readonly apiService: APIService;
  readonly availability: Availability | undefined;
  readonly discovered: Discovered | undefined;
}

export interface AggregatorOptions {
  readonly core: Core;
  readonly link: AggregationLink;
}

/** Follows APIServices that lead to other API servers: which of them answer, and what they serve. */
export class Aggregator implements AsyncDisposable {
  readonly link: AggregationLink;
  readonly #core: Core;
  readonly #known = new Map<string, Known>();
  readonly #listeners = new Set<() => void>();
  readonly #loop: KeyedLoop<string>;
  readonly #subscriptions = new DisposableStack();

  constructor({ core, link }: AggregatorOptions) {
    this.link = link;
    this.#core = core;
    const { clock, log, cache } = core;
    this.#loop = new KeyedLoop<string>({
      clock,
      concurrency: 4,
      backoffMs: exponential(retryMs, againMs),
      onError: (name, error) => log.warn('An APIService cannot be checked', { name, error }),
      run: (name) => this.#check(name),
    });
    this.#subscriptions.use(
      cache.subscribe(apiServices, ({ before, after }) =>
        this.#loop.add((after ?? before)!.metadata.name),
      ),
    );
    this.#follow(services, ({ metadata }) => metadata.name);
    this.#follow(
      endpointSlices,
      ({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] ?? '',
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscriptions.dispose();
    await this.#loop[Symbol.asyncDispose]();
  }

  /** The APIService that a path belongs to, if another server answers it. */
  leadingTo(group: string, version: string): APIService | undefined {
    return this.#known.get(`${version}.${group}`)?.apiService;
  }

  isAvailable({ metadata }: APIService): boolean {
    return this.#known.get(metadata.name)?.availability?.status === 'True';
  }

  /** What discovery shows besides what this server serves itself. */
  versions(): ServedVersion[] {
    return [...this.#known.values()].flatMap(({ apiService, availability, discovered }) => {
      const { group = '', version = '', groupPriorityMinimum, versionPriority } = apiService.spec;
      if (!discovered && availability?.status !== 'True') return [];
      return [
        {
          group,
          version,
          groupPriority: groupPriorityMinimum,
          versionPriority,
          resources: [],
          foreign: discovered?.resources ?? [],
          isStale: availability?.status !== 'True',
        },
      ];
    });
  }

  /** What the OpenAPI documents show besides. */
  discovered(): Discovered[] {
    return [...this.#known.values()].flatMap(({ discovered }) => discovered ?? []);
  }

  subscribe(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** APIServices are checked again when what they lead to changes. */
  #follow<T extends KubeObject>(resource: Resource<T>, serviceOf: (object: T) => string): void {
    this.#subscriptions.use(
      this.#core.cache.subscribe(resource, ({ before, after }) => {
        const object = (after ?? before)!;
        const { namespace } = object.metadata;
        const name = serviceOf(object);
        for (const { apiService } of this.#known.values()) {
          const { service } = apiService.spec;
          if (service?.name === name && service.namespace === namespace) {
            this.#loop.add(apiService.metadata.name);
          }
        }
      }),
    );
  }

  async #check(name: string): Promise<void> {
    const { cache } = this.#core;
    const apiService = cache.get(apiServices, { name });
    if (!apiService?.spec.service) {
      if (this.#known.delete(name)) this.#tell();
      return;
    }
    const before = this.#known.get(name);
    if (!before)
      this.#known.set(name, { apiService, availability: undefined, discovered: undefined });
    const problem = serviceProblem(apiService.spec, cache);
    const result = problem ?? (await this.#ask(apiService));
    const isFound = 'resources' in result;
    const availability = isFound ? available : result;
    const discovered = isFound ? result : before?.discovered;
    this.#known.set(name, { apiService, availability, discovered });
    await this.#write(name, availability);
    this.#tell();
    this.#loop.addAfter(name, availability === available ? againMs : retryMs * 5);
  }

  async #ask(apiService: APIService): Promise<Discovered | Availability> {
    try {
      return await discover(this.link, apiService, this.#core.clock);
    } catch (error) {
      const { group = '', version = '' } = apiService.spec;
      const url = `https://${hostOfService(apiService.spec)}/apis/${group}/${version}`;
      return failedDiscovery(url, failureText(error));
    }
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  async #write(name: string, availability: Availability): Promise<void> {
    const cache = cacheOf(this.#core.catalog.of(apiServices)!);
    const entry = cache.get('', name);
    if (!entry) return;
    const apiService = entry.object as APIService;
    const conditions = apiService.status?.conditions ?? [];
    const known = conditions.find(({ type }) => type === 'Available');
    const { status, reason, message } = availability;
    if (known?.status === status && known.reason === reason && known.message === message) return;
    const condition = {
      type: 'Available',
      status,
      reason,
      message,
      lastTransitionTime:
        known?.status === status ? known.lastTransitionTime : timestamp(this.#core.clock),
    };
    const draft = {
      ...apiService,
      metadata: { ...apiService.metadata },
      status: {
        ...apiService.status,
        conditions: [...conditions.filter(({ type }) => type !== 'Available'), condition],
      },
    };
    await this.#core.objects.update(cache, entry, draft);
  }
}
