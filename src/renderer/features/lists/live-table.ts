import { sleep } from '#shared/base/clock.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { onScopeDispose, shallowRef, triggerRef, watch, type ShallowRef } from 'vue';
import type { App } from '../../app/connection.ts';
import type { Kind } from '../../app/kinds.ts';
import { useSession } from '../../app/session.ts';

export interface TableColumn {
  readonly name: string;
  readonly type: string;
  readonly priority: number;
  readonly description: string;
}

export interface TableRow {
  /** `namespace/name`, or the name. */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly created: string;
  readonly cells: readonly unknown[];
}

export interface LiveTable {
  readonly columns: ShallowRef<readonly TableColumn[]>;
  /** Replaced members, same Map: `triggerRef` tells of changes once per frame. */
  readonly rows: ShallowRef<Map<string, TableRow>>;
  readonly isLoaded: ShallowRef<boolean>;
  readonly problem: ShallowRef<string | undefined>;
}

interface WireTable {
  readonly metadata: { readonly resourceVersion?: string };
  readonly columnDefinitions?: readonly TableColumn[] | null;
  readonly rows?:
    | readonly {
        readonly cells: readonly unknown[];
        readonly object: {
          readonly metadata: {
            readonly name: string;
            readonly namespace?: string;
            readonly creationTimestamp?: string;
            readonly resourceVersion?: string;
          };
        };
      }[]
    | null;
}

interface TableEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: WireTable & { readonly code?: number; readonly message?: string };
}

export interface ListTarget {
  readonly kind: Kind;
  readonly namespace: string;
}

/** The server's own table of a kind, kept current. Begins anew when the target or the app changes. */
export function useLiveTable(target: () => ListTarget | undefined): LiveTable {
  const session = useSession();
  const columns = shallowRef<readonly TableColumn[]>([]);
  const rows = shallowRef(new Map<string, TableRow>());
  const isLoaded = shallowRef(false);
  const problem = shallowRef<string>();
  const table: LiveTable = { columns, rows, isLoaded, problem };
  let current: AbortController | undefined;

  watch(
    () => [session.app, target()] as const,
    ([app, wanted], previous) => {
      current?.abort();
      const [, before] = previous ?? [];
      if (wanted?.kind !== before?.kind || wanted?.namespace !== before?.namespace) {
        rows.value = new Map();
        columns.value = [];
        isLoaded.value = false;
      }
      if (!app || !wanted) return;
      current = new AbortController();
      void follow(app, wanted, { table, signal: current.signal });
    },
    { immediate: true },
  );
  onScopeDispose(() => current?.abort());
  return table;
}

async function follow(
  app: App,
  { kind, namespace }: ListTarget,
  { table, signal }: { table: LiveTable; signal: AbortSignal },
): Promise<void> {
  const { group, version, plural } = kind;
  const target = { group, version, plural, ...(namespace && kind.isNamespaced && { namespace }) };
  while (!signal.aborted) {
    try {
      const listed = (await app.table({ ...target, verb: 'list' }, { signal })) as WireTable;
      replaceAll(table, listed);
      let { resourceVersion = '' } = listed.metadata;
      while (!signal.aborted) {
        const query = { resourceVersion, allowWatchBookmarks: 'true' };
        for await (const batch of app.watchTable({ ...target, query }, { signal })) {
          resourceVersion = applyBatch(table, batch as readonly TableEvent[]) ?? resourceVersion;
        }
      }
    } catch (error) {
      if (signal.aborted || error === expired) continue;
      table.problem.value = error instanceof Error ? error.message : String(error);
      await sleep(systemClock, 1_000);
    }
  }
}

/** The watch's past has been compacted away: list again. */
const expired = new Error('The watch has expired');

function replaceAll(table: LiveTable, listed: WireTable): void {
  if (listed.columnDefinitions) table.columns.value = listed.columnDefinitions;
  table.rows.value = new Map(
    (listed.rows ?? []).map((row) => rowOf(row)).map((row) => [row.key, row]),
  );
  table.isLoaded.value = true;
  table.problem.value = undefined;
}

/** Returns the newest resourceVersion seen. */
function applyBatch(table: LiveTable, batch: readonly TableEvent[]): string | undefined {
  let newest: string | undefined;
  let isChanged = false;
  for (const { type, object } of batch) {
    if (type === 'ERROR') {
      if (object.code === 410) throw expired;
      throw new Error(object.message ?? 'The server ended the watch');
    }
    newest = object.metadata.resourceVersion ?? newest;
    if (type === 'BOOKMARK') continue;
    for (const wire of object.rows ?? []) {
      newest = wire.object.metadata.resourceVersion ?? newest;
      const row = rowOf(wire);
      if (type === 'DELETED') table.rows.value.delete(row.key);
      else table.rows.value.set(row.key, row);
      isChanged = true;
    }
  }
  if (isChanged) notifySoon(table);
  return newest;
}

const waiting = new Set<LiveTable>();

/** However many batches arrive, a table is drawn at most once per frame. */
function notifySoon(table: LiveTable): void {
  if (waiting.has(table)) return;
  waiting.add(table);
  requestAnimationFrame(() => {
    waiting.delete(table);
    triggerRef(table.rows);
  });
}

function rowOf({ cells, object: { metadata } }: NonNullable<WireTable['rows']>[number]): TableRow {
  const { name, namespace = '', creationTimestamp: created = '' } = metadata;
  return { key: namespace ? `${namespace}/${name}` : name, name, namespace, created, cells };
}
