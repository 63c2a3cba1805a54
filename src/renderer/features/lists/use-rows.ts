import { shallowRef, watch, type ShallowRef } from 'vue';
import { useLiveTable, type ListTarget, type LiveTable } from './live-table.ts';
import { RowOrder, type ShownRow, type Sorting } from './row-order.ts';

export interface OrderedRows {
  readonly table: LiveTable;
  /** As people see them. The same array while only what is in it changes. */
  rows(): readonly ShownRow[];
  readonly sorting: ShallowRef<Sorting>;
  /** Nothing moves until `thaw`. */
  freeze(): void;
  thaw(): void;
}

/** A live table's rows, filtered and in order, at a cost that goes with what changes. */
export function useRows(target: () => ListTarget, filter: () => string): OrderedRows {
  const sorting = shallowRef(usualSorting(target()));
  const order = new RowOrder();
  const version = shallowRef(0);
  const table = useLiveTable(target, (changes) => {
    if (changes) order.apply(changes);
    else reset();
    version.value++;
  });

  function reset(): void {
    const columns = table.columns.value;
    order.reset(table.rows.value.values(), { columns, sorting: sorting.value, filter: filter() });
    version.value++;
  }

  watch(
    () => target().kind,
    () => (sorting.value = usualSorting(target())),
  );
  watch([sorting, filter, table.columns], reset);
  return {
    table,
    rows() {
      void version.value;
      return order.rows;
    },
    sorting,
    freeze: () => order.freeze(),
    thaw() {
      order.thaw();
      version.value++;
    },
  };
}

/** What happened last comes first; everything else goes by name. */
function usualSorting({ kind }: ListTarget): Sorting {
  return { column: kind.plural === 'events' ? 'Last Seen' : 'Name', isDescending: false };
}
