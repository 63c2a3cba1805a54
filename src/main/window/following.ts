import { sleep, type Clock } from '#shared/base/clock.ts';
import type {
  ApiRequest,
  TableOptions,
  TableTransport,
  WatchEvent,
} from '#shared/client/transport.ts';
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
    followTable: (kind, { signal }) =>
      followed(kind, {
        ways,
        clock,
        signal,
        form: kind.plural === 'events' ? eventRows(clock) : rows,
      }),
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
    try {
      let page = list as KubeList;
      for (;;) {
        const put = form.itemsOf(page);
        if (put.length > 0) yield { type: 'changes', put, gone: [] };
        const { continue: rest } = page.metadata;
        if (!rest) break;
        page = (await way.request(pageOf(target, form, rest), { signal, ...form.as })) as KubeList;
      }
      yield { type: 'complete' };
      const since = page.metadata.resourceVersion ?? '';
      yield* changesOf(target, { way, since, clock, form, signal });
    } catch (error) {
      // What the list or the watch goes on from has been compacted away, or belongs to a state that was restored: list again.
      if (!ApiError.is(error, 'Expired', 'Gone', 'Invalid')) throw error;
    }
  }
}

type Target = Parameters<TableTransport['watch']>[0];

/** The first page is shown while the others are read. */
function pageOf<T>(target: Target, { atOnce }: Form<T>, rest?: string): ApiRequest {
  const query = { limit: String(atOnce), ...(rest !== undefined && { continue: rest }) };
  return { ...target, verb: 'list', query };
}

async function listed<T>(
  target: Target,
  { ways, form, signal }: Pick<Following<T>, 'ways' | 'form' | 'signal'>,
): Promise<{ readonly list: unknown; readonly way: TableTransport }> {
  const [way, ...others] = ways;
  if (!way) throw new ApiError('NotFound', `Nobody serves ${target.resource.plural}`);
  try {
    const list = await way.request(pageOf(target, form), { signal, ...form.as });
    return { way, list };
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

/** An event is as old as what it tells of, which its table says in words alone. */
function eventRows(clock: Clock): Form<TableRow> {
  return {
    ...rows,
    itemsOf: (answer) =>
      rows.itemsOf(answer).map((row) => {
        const ago = millisecondsOf(String(row.cells[0]));
        if (ago === undefined) return row;
        return { ...row, created: new Date(clock.now() - ago).toISOString() };
      }),
  };
}

const unitSeconds = { s: 1, m: 60, h: 3_600, d: 86_400, y: 31_536_000 } as const;

/** `5m3s`, with or without ` (x4 over 12m)` behind it. */
function millisecondsOf(age: string): number | undefined {
  const [, words] = /^((?:\d+[smhdy])+)(?: |$)/.exec(age) ?? [];
  if (words === undefined) return undefined;
  let seconds = 0;
  for (const [, count, unit] of words.matchAll(/(\d+)([smhdy])/g))
    seconds += Number(count) * unitSeconds[unit as keyof typeof unitSeconds];
  return seconds * 1000;
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
