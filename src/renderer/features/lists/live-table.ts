import { onScopeDispose, shallowRef, triggerRef, watch, type ShallowRef } from 'vue';
import type { TableColumn, TableRow } from '#shared/contract/following.ts';
import type { Kind } from '../../app/kinds.ts';
import { useSession } from '../../app/session.ts';
import { onNextFrame } from '../../composables/next-frame.ts';
import { follow, type Change, type Follower } from '../../composables/follow.ts';

export interface LiveTable {
  readonly columns: ShallowRef<readonly TableColumn[]>;
  /** By key. The same Map as its members change; told of at most once per frame. */
  readonly rows: ShallowRef<Map<string, TableRow>>;
  readonly isLoaded: ShallowRef<boolean>;
  readonly problem: ShallowRef<string | undefined>;
}

export interface ListTarget {
  readonly kind: Kind;
  readonly namespace: string;
}

/** Told just before `rows` is: what changed since the last frame, or nothing when all may be new. */
export type RowsListener = (changes: readonly Change<TableRow>[] | undefined) => void;

/** The server's own table of a kind, kept current. Begins anew when the target or the app changes. */
export function useLiveTable(
  target: () => ListTarget | undefined,
  onRows: RowsListener = () => {},
): LiveTable {
  const session = useSession();
  const table: LiveTable = {
    columns: shallowRef([]),
    rows: shallowRef(new Map<string, TableRow>()),
    isLoaded: shallowRef(false),
    problem: shallowRef(),
  };
  let current: AbortController | undefined;

  watch(
    () => [session.app, target()] as const,
    ([app, wanted], previous) => {
      current?.abort();
      const [, before] = previous ?? [undefined, wanted];
      if (wanted?.kind !== before?.kind || wanted?.namespace !== before?.namespace) {
        table.columns.value = [];
        table.isLoaded.value = false;
        table.rows.value = new Map();
        onRows(undefined);
      }
      if (!app || !wanted) return;
      current = new AbortController();
      const { group, version, plural, isNamespaced } = wanted.kind;
      const namespace = isNamespaced && wanted.namespace ? { namespace: wanted.namespace } : {};
      void follow(
        (signal) => app.followTable({ group, version, plural, ...namespace }, { signal }),
        { keyOf: ({ key }) => key, follower: followerOf(table, onRows), signal: current.signal },
      );
    },
    { immediate: true },
  );
  onScopeDispose(() => current?.abort());
  return table;
}

/** However much is told, a table is drawn at most once per frame. */
function followerOf(table: LiveTable, onRows: RowsListener): Follower<TableRow> {
  let waiting: Change<TableRow>[] = [];
  let rows: Map<string, TableRow> | undefined;
  return {
    begin: (columns) => void (table.columns.value = columns),
    replaced(all) {
      rows = all;
      waiting = [];
      table.rows.value = all;
      onRows(undefined);
    },
    changed(changes) {
      if (waiting.push(...changes) > changes.length) return;
      onNextFrame(() => {
        // Whoever is shown now may be another.
        if (table.rows.value !== rows) return;
        onRows(waiting);
        waiting = [];
        triggerRef(table.rows);
      });
    },
    complete() {
      table.isLoaded.value = true;
      table.problem.value = undefined;
    },
    problem: (why) => void (table.problem.value = why),
  };
}
