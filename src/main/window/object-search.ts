import { sleep, type Clock } from '#shared/base/clock.ts';
import { fuzzyScore, fuzzyWords } from '#shared/base/fuzzy.ts';
import type { Log } from '#shared/base/log.ts';
import { createCluster } from '#shared/client/cluster.ts';
import type { HttpTransport } from '#shared/client/http-transport.ts';
import { Informer } from '#shared/client/informer.ts';
import type { Transport } from '#shared/client/transport.ts';
import type { FoundObject, FoundObjects, SearchInput } from '#shared/contract/search.ts';
import type { KubeList, KubeObject } from '#shared/kube/object.ts';

export interface ObjectSearch extends Disposable {
  search(input: SearchInput, options: { readonly signal: AbortSignal }): Promise<FoundObjects>;
}

type SearchedKind = SearchInput['kinds'][number];

/** How long names are kept current after somebody has searched. */
const idleMs = 5 * 60_000;
/** How long the first search waits for names before it answers with what is there. */
const patienceMs = 400;

/** Finds objects by name; the names live here, so that a window need not hold a cluster's worth of them. */
export function createObjectSearch(options: {
  readonly api: HttpTransport;
  readonly clock: Clock;
  readonly log: Log;
}): ObjectSearch {
  const { clock, log } = options;
  const cluster = createCluster(namesOnly(options.api));
  const informers = new Map<string, Informer<KubeObject>>();
  let idle: Disposable | undefined;

  function informerOf({ group, version, plural }: SearchedKind): Informer<KubeObject> {
    const id = `${group}/${version}/${plural}`;
    const known = informers.get(id);
    if (known) return known;
    const kind = plural; // names are all that is asked for, and they need no more
    const scope = 'Namespaced';
    const resource = { group, version, plural, singular: plural, kind, scope, type: '' } as const;
    const begun = new Informer<KubeObject>({ cluster, resource, clock, log });
    informers.set(id, begun);
    return begun;
  }

  function end(): void {
    idle?.[Symbol.dispose]();
    for (const informer of informers.values()) void informer[Symbol.asyncDispose]();
    informers.clear();
  }

  return {
    async search({ text, kinds, limit }, { signal }) {
      idle?.[Symbol.dispose]();
      idle = clock.after(idleMs, end);
      const asked = kinds.map((kind) => ({ kind, informer: informerOf(kind) }));
      const isPartial = (): boolean => asked.some(({ informer }) => !informer.isSynced);
      if (isPartial())
        await Promise.race([
          Promise.all(asked.map(({ informer }) => informer.synced)),
          sleep(clock, patienceMs, signal),
        ]);
      const found = new Best(limit);
      let searched = 0;
      const words = fuzzyWords(text);
      for (const { kind, informer } of asked) {
        searched += informer.size;
        for (const { metadata } of informer.values()) found.offer(kind, metadata, words);
      }
      return { found: found.ranked(), searched, isPartial: isPartial() };
    },
    [Symbol.dispose]: end,
  };
}

/** The best so far; what cannot be among them costs no memory. */
class Best {
  readonly #limit: number;
  #found: FoundObject[] = [];
  #least = -Infinity;

  constructor(limit: number) {
    this.#limit = limit;
  }

  offer(
    { group, plural }: SearchedKind,
    { namespace = '', name }: KubeObject['metadata'],
    words: readonly string[],
  ): void {
    const score = fuzzyScore(namespace ? `${namespace}/${name}` : name, words);
    if (score === undefined || score <= this.#least) return;
    this.#found.push({ group, plural, namespace, name, score });
    if (this.#found.length < 4 * this.#limit) return;
    this.#found = this.ranked();
    this.#least = this.#found.at(-1)?.score ?? -Infinity;
  }

  ranked(): FoundObject[] {
    return this.#found
      .toSorted((a, b) => b.score - a.score || a.name.localeCompare(b.name))
      .slice(0, this.#limit);
  }
}

/** Asks for metadata and keeps of it what a search looks at. */
function namesOnly(api: HttpTransport): Transport {
  const slim = ({ metadata }: KubeObject): KubeObject => {
    const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata;
    return {
      apiVersion: 'meta.k8s.io/v1',
      kind: 'PartialObjectMetadata',
      metadata: {
        name,
        uid,
        creationTimestamp,
        resourceVersion,
        ...(namespace !== undefined && { namespace }),
      },
    };
  };
  return {
    async request(request, { signal } = {}) {
      const list = (await api.request(request, {
        as: 'PartialObjectMetadataList',
        ...(signal && { signal }),
      })) as KubeList;
      return { ...list, items: list.items.map(slim) };
    },
    async *watch(request, { signal } = {}) {
      const batches = api.watch(request, {
        as: 'PartialObjectMetadata',
        ...(signal && { signal }),
      });
      for await (const batch of batches)
        yield batch.map((event) =>
          event.type === 'ERROR' || event.type === 'BOOKMARK'
            ? event
            : { type: event.type, object: slim(event.object) },
        );
    },
  };
}
