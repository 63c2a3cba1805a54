import { compareNaturally } from '#shared/base/natural-order.ts';
import type { TableColumn, TableRow } from '#shared/contract/following.ts';
import type { Change } from '../../composables/follow.ts';
import { isAge } from './age.ts';

export interface Sorting {
  readonly column: string;
  readonly isDescending: boolean;
}

export interface ShownRow extends TableRow {
  /** It went while the order was frozen, and keeps its place until it thaws. */
  readonly isGone?: true;
}

export interface RowOrderOptions {
  readonly columns: readonly TableColumn[];
  readonly sorting: Sorting;
  readonly filter: string;
}

/** From so many changes on the whole is ordered anew. */
const many = 100;

/**
 * The rows of a list as people see them: filtered, sorted, and kept so at a cost that goes with what
 * changes. While the order is frozen nothing moves under the pointer: what is new comes last, what has
 * gone stays as a shadow.
 */
export class RowOrder {
  #rows: ShownRow[] = [];
  #compare: Compare = compareKeys;
  #matches: (row: TableRow) => boolean = () => true;
  #isFrozen = false;
  readonly #gone = new Map<string, ShownRow>();

  get rows(): readonly ShownRow[] {
    return this.#rows;
  }

  /** Begins anew. */
  reset(all: Iterable<TableRow>, { columns, sorting, filter }: RowOrderOptions): void {
    this.#compare = comparing(columns, sorting);
    this.#matches = matching(filter);
    this.#gone.clear();
    this.#rows = [];
    for (const row of all) if (this.#matches(row)) this.#rows.push(row);
    this.#rows.sort(this.#compare);
  }

  apply(changes: readonly Change<TableRow>[]): void {
    if (changes.length > many && !this.#isFrozen) this.#applyMany(changes);
    else for (const change of changes) this.#applyOne(change);
  }

  freeze(): void {
    this.#isFrozen = true;
  }

  thaw(): void {
    if (!this.#isFrozen) return;
    this.#isFrozen = false;
    this.#gone.clear();
    this.#rows = this.#rows.filter(({ isGone }) => !isGone).sort(this.#compare);
  }

  #applyOne({ before, after }: Change<TableRow>): void {
    const key = (after ?? before)!.key;
    const old = this.#gone.get(key) ?? before;
    const at = old ? this.#rows.indexOf(old) : -1;
    const next = after && this.#matches(after) ? after : undefined;
    if (at < 0) {
      if (next) this.#insert(next);
    } else if (this.#isFrozen) this.#replaceFrozen(at, next);
    else if (next && this.#compare(old!, next) === 0) this.#rows[at] = next;
    else {
      this.#rows.splice(at, 1);
      if (next) this.#insert(next);
    }
  }

  #replaceFrozen(at: number, next: TableRow | undefined): void {
    const shown: ShownRow = next ?? { ...this.#rows[at]!, isGone: true };
    if (next) this.#gone.delete(shown.key);
    else this.#gone.set(shown.key, shown);
    this.#rows[at] = shown;
  }

  #insert(row: TableRow): void {
    let high = this.#rows.length;
    let low = this.#isFrozen ? high : 0;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(this.#rows[middle]!, row) < 0) low = middle + 1;
      else high = middle;
    }
    this.#rows.splice(low, 0, row);
  }

  #applyMany(changes: readonly Change<TableRow>[]): void {
    const old = new Set(changes.map(({ before }) => before));
    const latest = new Map<string, TableRow>();
    for (const { before, after } of changes) {
      if (after) latest.set(after.key, after);
      else latest.delete(before!.key);
    }
    this.#rows = this.#rows.filter((row) => !old.has(row));
    for (const row of latest.values()) if (this.#matches(row)) this.#rows.push(row);
    this.#rows.sort(this.#compare);
  }
}

/** Not a column of any table: when the object was made. */
const created = 'metadata.creationTimestamp';

type Compare = (a: TableRow, b: TableRow) => number;

function compareKeys(a: TableRow, b: TableRow): number {
  return compareNaturally(a.key, b.key);
}

/** By one column, by name within equals; the age column by time, numbers as numbers. */
function comparing(columns: readonly TableColumn[], { column, isDescending }: Sorting): Compare {
  const valueOf = valueIn(columns, column);
  // The youngest has the smallest age.
  if (isAge(column)) return comparing(columns, { column: created, isDescending: !isDescending });
  const sign = isDescending ? -1 : 1;
  return (a, b) => sign * compareValues(valueOf(a), valueOf(b)) || compareKeys(a, b);
}

function compareValues(a: string | number, b: string | number): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return compareNaturally(String(a), String(b));
}

function valueIn(
  columns: readonly TableColumn[],
  column: string,
): (row: TableRow) => string | number {
  if (column === 'Namespace') return ({ namespace }) => namespace;
  if (column === created) return ({ created }) => created;
  const index = columns.findIndex(({ name }) => name === column);
  return ({ cells }) => {
    const cell = cells[index];
    return typeof cell === 'number' || typeof cell === 'string' ? cell : JSON.stringify(cell ?? '');
  };
}

/** Rows whose namespace, name or any cell contains every word of the filter. */
function matching(filter: string): (row: TableRow) => boolean {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return () => true;
  return ({ namespace, cells }) => {
    const text = `${namespace} ${cells.join(' ')}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
}
