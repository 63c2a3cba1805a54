import { sleep, type Clock } from '#shared/base/clock.ts';
import type { TableOptions, TableTransport, WatchEvent } from '#shared/client/transport.ts';
import type { Handlers } from '#shared/contract/contract.ts';
import type {
  Followed,
  FollowedKind,
  followingOperations,
  TableColumn,
  TableRow,
} from '#shared/contract/following.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { keyOf, type KubeList, type KubeObject } from '#shared/kube/object.ts';

export interface FollowingServices {
  /** Ways to the API, the nearest first; a later one is asked where an earlier one does not know the kind. */
  readonly ways: readonly TableTransport[];
  readonly clock: Clock;
}

/** One message holds what a page decodes between two frames. */
const rowsAtOnce = 500;
const objectsAtOnce = 100;
/** How long what happens is gathered before it is told: of an object that changes often only the latest. */
const gatherRowsMs = 100;
const gatherObjectsMs = 250;

/** Keeps kinds current for windows, so that a page need neither list, nor watch, nor decode what nobody shows. */
export function followingHandlers({
  ways,
  clock,
}: FollowingServices): Handlers<typeof followingOperations> {
  return {
    follow: (kind, { signal }) => followed(kind, { ways, clock, signal, form: objects }),
    followTable: (kind, { signal }) => followed(kind, { ways, clock, signal, form: rows }),
  };
}

/** How one answer of the API is told to a window. */
interface Form<T> {
  readonly as: Pick<TableOptions, 'as'>;
  readonly atOnce: number;
  readonly gatherMs: number;
  columnsOf(list: unknown): readonly TableColumn[];
  /** Of a list, or of the object of an event. */
  itemsOf(answer: unknown): readonly T[];
  keyOf(item: T): string;
  versionOf(answer: unknown): string | undefined;
}

interface Following<T> extends FollowingServices {
  readonly form: Form<T>;
  readonly signal: AbortSignal;
}

async function* followed<T>(
  { namespace, ...resource }: FollowedKind,
  { ways, clock, signal, form }: Following<T>,
): AsyncGenerator<Followed<T>, void> {
  const target = { resource, namespace };
  for (;;) {
    const { list, way } = await listed(target, { ways, form, signal });
    yield { type: 'begin', columns: form.columnsOf(list) };
    const all = form.itemsOf(list);
    for (let at = 0; at < all.length; at += form.atOnce)
      yield { type: 'changes', put: all.slice(at, at + form.atOnce), gone: [] };
    yield { type: 'complete' };
    const since = (list as KubeList).metadata.resourceVersion ?? '';
    try {
      yield* changesOf(target, { way, since, clock, form, signal });
    } catch (error) {
      // The watch's past has been compacted away, or belongs to a state that was restored: list again.
      if (!ApiError.is(error, 'Expired', 'Gone', 'Invalid')) throw error;
    }
  }
}

type Target = Parameters<TableTransport['watch']>[0];

async function listed<T>(
  target: Target,
  { ways, form, signal }: Pick<Following<T>, 'ways' | 'form' | 'signal'>,
): Promise<{ readonly list: unknown; readonly way: TableTransport }> {
  const [way, ...others] = ways;
  if (!way) throw new ApiError('NotFound', `Nobody serves ${target.resource.plural}`);
  try {
    return { way, list: await way.request({ ...target, verb: 'list' }, { signal, ...form.as }) };
  } catch (error) {
    if (others.length === 0 || !ApiError.is(error, 'NotFound')) throw error;
    return listed(target, { ways: others, form, signal });
  }
}

interface Watching<T> extends Pick<Following<T>, 'clock' | 'form' | 'signal'> {
  readonly way: TableTransport;
  readonly since: string;
}

/** Goes on where a watch ended, for as long as the server remembers what came after. */
async function* changesOf<T>(
  target: Target,
  { way, since, clock, form, signal }: Watching<T>,
): AsyncGenerator<Followed<T>, never> {
  let resourceVersion = since;
  for (;;) {
    const query = { resourceVersion, allowWatchBookmarks: 'true' };
    const gathered = new Gathered(form);
    const watch = way.watch({ ...target, query }, { signal, ...form.as });
    const filling = gathered.fill(watch);
    for await (const changes of gathered.told(clock, signal)) yield changes;
    await filling;
    resourceVersion = gathered.newest ?? resourceVersion;
  }
}

/** What a watch says, until somebody has time to hear it. */
class Gathered<T> {
  newest: string | undefined;
  readonly #form: Form<T>;
  readonly #put = new Map<string, T>();
  readonly #gone = new Set<string>();
  #wake = Promise.withResolvers<void>();
  #end: { readonly error?: unknown } | undefined;

  constructor(form: Form<T>) {
    this.#form = form;
  }

  /** Never fails: whoever is told hears of it. */
  async fill(watch: AsyncIterable<readonly WatchEvent[]>): Promise<void> {
    try {
      for await (const batch of watch) {
        for (const event of batch) this.#take(event);
        this.#wake.resolve();
      }
      this.#end = {};
    } catch (error) {
      this.#end = { error };
    }
    this.#wake.resolve();
  }

  /** The first change at once, those after it gathered. */
  async *told(clock: Clock, signal: AbortSignal): AsyncGenerator<Followed<T>, void> {
    for (;;) {
      await this.#wake.promise;
      this.#wake = Promise.withResolvers();
      const put = [...this.#put.values()];
      const gone = [...this.#gone];
      this.#put.clear();
      this.#gone.clear();
      const isNews = put.length + gone.length > 0;
      if (isNews) yield { type: 'changes', put, gone };
      if (this.#end && 'error' in this.#end) throw this.#end.error;
      if (this.#end) return;
      if (isNews) await sleep(clock, this.#form.gatherMs, signal);
    }
  }

  #take({ type, object }: WatchEvent): void {
    if (type === 'ERROR') throw ApiError.fromStatus(object);
    this.newest = this.#form.versionOf(object) ?? this.newest;
    if (type === 'BOOKMARK') return;
    for (const item of this.#form.itemsOf(object)) {
      const key = this.#form.keyOf(item);
      this.#put.delete(key);
      this.#gone.delete(key);
      if (type === 'DELETED') this.#gone.add(key);
      else this.#put.set(key, item);
    }
  }
}

interface WireTable {
  readonly metadata?: { readonly resourceVersion?: string };
  readonly columnDefinitions?: readonly TableColumn[] | null;
  readonly rows?:
    | readonly {
        readonly cells: readonly unknown[];
        readonly object: Pick<KubeObject, 'metadata'>;
      }[]
    | null;
}

const rows: Form<TableRow> = {
  as: { as: 'Table' },
  atOnce: rowsAtOnce,
  gatherMs: gatherRowsMs,
  columnsOf: (list) => (list as WireTable).columnDefinitions ?? [],
  itemsOf: (answer) => ((answer as WireTable).rows ?? []).map(rowOf),
  keyOf: ({ key }) => key,
  versionOf(answer) {
    const { rows, metadata } = answer as WireTable;
    return rows?.[0]?.object.metadata.resourceVersion ?? metadata?.resourceVersion;
  },
};

function rowOf({ cells, object: { metadata } }: NonNullable<WireTable['rows']>[number]): TableRow {
  const { name, namespace = '', creationTimestamp: created } = metadata;
  return { key: keyOf({ namespace, name }), namespace, name, created, cells };
}

const objects: Form<KubeObject> = {
  as: {},
  atOnce: objectsAtOnce,
  gatherMs: gatherObjectsMs,
  columnsOf: () => [],
  itemsOf: (answer) =>
    ('items' in Object(answer) ? (answer as KubeList).items : [answer as KubeObject]).map(lean),
  keyOf: ({ metadata }) => keyOf(metadata),
  versionOf: (answer) => (answer as KubeObject).metadata.resourceVersion,
};

const appliedBefore = 'kubectl.kubernetes.io/last-applied-configuration';

/** Without what takes more room than all the rest and is read of one object at a time. */
function lean(object: KubeObject): KubeObject {
  const { managedFields: _managed, annotations, ...metadata } = object.metadata;
  if (annotations === undefined) return { ...object, metadata };
  const { [appliedBefore]: _applied, ...others } = annotations;
  return { ...object, metadata: { ...metadata, annotations: others } };
}
