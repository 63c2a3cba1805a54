import { bookmarkObject } from '#main/control-plane/apiserver/bookmark.ts';
import type { UserInfo } from '#main/control-plane/apiserver/authentication/authenticator.ts';
import type { Gate } from '#main/control-plane/apiserver/gate.ts';
import { tableOf } from '#main/control-plane/apiserver/http/table.ts';
import { handle } from '#main/control-plane/apiserver/pipeline.ts';
import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import { watch } from '#main/control-plane/apiserver/registry/read.ts';
import type {
  RequestInfo,
  ResourceVerb,
} from '#main/control-plane/apiserver/request/request-info.ts';
import type {
  RequestBody,
  ResourceRequest,
  ResourceResponse,
} from '#main/control-plane/apiserver/request/resource-request.ts';
import type { Delivery } from '#main/control-plane/apiserver/storage/event-log.ts';
import type { ServedResource } from '#main/control-plane/apiserver/catalog.ts';
import type { WatchSink } from '#main/control-plane/apiserver/storage/watch-session.ts';
import type { ApiRequest, TableTransport, WatchEvent } from '#shared/client/transport.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { KubeList, KubeObject } from '#shared/kube/object.ts';
import { groupVersionOf } from '#shared/kube/resource.ts';

export interface InProcessOptions {
  readonly core: Core;
  readonly gate: Gate;
  readonly user: UserInfo;
  /** What stands in managedFields where a request names no manager. */
  readonly manager: string;
}

/** The API by reference: the same pipeline as over HTTP, without bytes. */
export function createInProcessTransport(options: InProcessOptions): TableTransport {
  const { core } = options;
  return {
    async request(request, { signal, as } = {}) {
      const resourceRequest = await prepare(options, request, signal);
      const { served } = resourceRequest;
      const answer = unwrap(await handle(resourceRequest, core), served);
      if (as !== 'Table') return answer;
      const { items, metadata } = answer as KubeList;
      const now = core.clock.now();
      return tableOf(served, items, metadata, { metaVersion, include: 'Metadata', now });
    },
    async *watch(request, { signal, as } = {}) {
      const query = { ...request.query, watch: 'true' };
      const watchRequest = { ...request, query, verb: 'watch' } as const;
      const resourceRequest = await prepare(options, watchRequest, signal);
      const queue = new EventQueue(resourceRequest.served, {
        core,
        signal,
        isTable: as === 'Table',
      });
      using session = watch(resourceRequest, core, queue);
      yield* queue.batches();
      void session;
    },
  };
}

const metaVersion = 'v1';

type AnyRequest = Omit<ApiRequest, 'verb'> & { readonly verb: ResourceVerb };

async function prepare(
  { core, gate, user, manager }: InProcessOptions,
  request: AnyRequest,
  signal: AbortSignal | undefined,
): Promise<ResourceRequest> {
  signal?.throwIfAborted();
  const { group, version, plural } = request.resource;
  const { verb, namespace = '', name = '', subresource = '', query = {} } = request;
  const info: RequestInfo & { isResourceRequest: true } = {
    isResourceRequest: true,
    verb,
    path: '',
    group,
    version,
    namespace,
    resource: plural,
    // The name in a new object's body is not in the URL.
    name: verb === 'create' && !subresource ? '' : name,
    subresource,
    rest: [],
    isWatchPath: false,
  };
  await gate.authorize(user, info, query);
  const served = core.catalog.get(group, version, plural);
  if (!served) throw new ApiError('NotFound', 'the server could not find the requested resource');
  return {
    verb,
    served,
    subresource,
    namespace: served.resource.scope === 'Namespaced' ? namespace : '',
    name: info.name,
    rest: [],
    user,
    query,
    search: new URLSearchParams(query).toString(),
    body: request.body === undefined ? undefined : valueBody(request.body),
    patchType: request.patchType,
    defaultManager: manager,
    signal,
    warn: (sentence) => core.log.debug('API warning', { sentence, user: user.name }),
  };
}

/** The caller keeps its object: decoding makes another one. */
function valueBody(value: unknown): RequestBody {
  return {
    isEmpty: false,
    object: (codec, options) => codec.decode({ value }, options),
    value: () => ({ value, strictErrors: [] }),
    text: () => JSON.stringify(value),
  };
}

function unwrap(response: ResourceResponse, served: ServedResource): unknown {
  if (response.type === 'entry') return response.entry.as(served.form).object;
  if (response.type === 'object') return response.object;
  if (response.type === 'stream') return response.body;
  if (response.type === 'empty') return undefined;
  const { form, resource } = served;
  const { entries, revision, remainingItemCount } = response.page;
  const list: KubeList = {
    apiVersion: groupVersionOf(resource),
    kind: `${resource.kind}List`,
    metadata: {
      resourceVersion: String(revision),
      ...(response.page.continue && { continue: response.page.continue }),
      ...(remainingItemCount !== undefined && { remainingItemCount }),
    },
    items: entries.map((entry) => entry.as(form).object),
  };
  return list;
}

interface EventQueueOptions {
  readonly core: Core;
  readonly signal: AbortSignal | undefined;
  readonly isTable: boolean;
}

/** Keeps what happened until the watcher comes to fetch it. */
class EventQueue implements WatchSink {
  readonly #served: ServedResource;
  readonly #options: EventQueueOptions;
  #events: WatchEvent[] = [];
  #isOver = false;
  #wake: (() => void) | undefined;

  constructor(served: ServedResource, options: EventQueueOptions) {
    this.#served = served;
    this.#options = options;
  }

  send(deliveries: readonly Delivery[]): void {
    const { form } = this.#served;
    for (const { type, event, entry } of deliveries) {
      if (this.#options.isTable)
        this.#events.push({ type, object: this.#row(entry.as(form).object) });
      else {
        const key = `${form.apiVersion} object ${type}`;
        const known = event?.frame(key) as WatchEvent | undefined;
        const told = known ?? { type, object: entry.as(form).object };
        if (!known) event?.keepFrame(key, told);
        this.#events.push(told);
      }
    }
    this.#wake?.();
  }

  #row(object: KubeObject): KubeObject {
    const options = { metaVersion, include: 'Metadata', withoutColumns: true } as const;
    const now = this.#options.core.clock.now();
    return tableOf(this.#served, [object], {}, { ...options, now }) as KubeObject;
  }

  bookmark(revision: number, { endsInitialEvents }: { endsInitialEvents: boolean }): void {
    this.#events.push({
      type: 'BOOKMARK',
      object: bookmarkObject(this.#served, revision, endsInitialEvents),
    });
    this.#wake?.();
  }

  end(error?: ApiError): void {
    if (error) this.#events.push({ type: 'ERROR', object: error.toStatus() });
    this.#isOver = true;
    this.#wake?.();
  }

  async *batches(): AsyncGenerator<readonly WatchEvent[]> {
    const stop = (): void => this.#wake?.();
    const { signal } = this.#options;
    signal?.addEventListener('abort', stop);
    try {
      for (;;) {
        signal?.throwIfAborted();
        if (this.#events.length > 0) {
          const batch = this.#events;
          this.#events = [];
          yield batch;
        } else if (this.#isOver) return;
        else {
          const { promise, resolve } = Promise.withResolvers<void>();
          this.#wake = resolve;
          await promise;
          this.#wake = undefined;
        }
      }
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }
}
