import type { TableColumn, TableRow } from './live-table.ts';

export interface Sorting {
  readonly column: string;
  readonly isDescending: boolean;
}

/** Rows whose namespace, name or any cell contains every word of the filter. */
export function filtered(rows: Iterable<TableRow>, filter: string): readonly TableRow[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...rows];
  return Array.from(rows).filter((row) => {
    const text = `${row.namespace} ${row.cells.join(' ')}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** Sorted by one column, by name within equals; the age column sorts by time, numbers as numbers. */
export function sorted(
  rows: readonly TableRow[],
  columns: readonly TableColumn[],
  { column, isDescending }: Sorting,
): readonly TableRow[] {
  const valueOf = valueIn(columns, column);
  const sign = isDescending ? -1 : 1;
  return [...rows].sort((a, b) => sign * compare(valueOf(a), valueOf(b)) || compare(a.key, b.key));
}

/**
 * The order people see does not move under their pointer: while it is frozen, rows keep their places,
 * vanished ones leave, new ones come last.
 */
export function inFrozenOrder(
  rows: readonly TableRow[],
  frozen: readonly string[],
): readonly TableRow[] {
  const byKey = new Map(rows.map((row) => [row.key, row]));
  const kept = frozen.flatMap((key) => byKey.get(key) ?? []);
  const known = new Set(frozen);
  return [...kept, ...rows.filter(({ key }) => !known.has(key))];
}

/** `5d3h`, `42s`: as kubectl writes ages. */
export function ageOf(created: string, now: number): string {
  const seconds = Math.max(0, Math.floor((now - Date.parse(created)) / 1000));
  if (Number.isNaN(seconds)) return '–';
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(seconds / 3600);
  const days = Math.floor(seconds / 86_400);
  if (seconds < 120) return `${seconds}s`;
  if (minutes < 10) return pair(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  if (hours < 8) return pair(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  if (days < 8) return pair(days, 'd', hours % 24, 'h');
  if (days < 730) return `${days}d`;
  return pair(Math.floor(days / 365), 'y', days % 365, 'd');
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`;
}

function valueIn(
  columns: readonly TableColumn[],
  column: string,
): (row: TableRow) => string | number {
  if (column === 'Namespace') return ({ namespace }) => namespace;
  if (column === 'Age') return ({ created }) => -Date.parse(created);
  const index = columns.findIndex(({ name }) => name === column);
  return ({ cells }) => {
    const cell = cells[index];
    return typeof cell === 'number' || typeof cell === 'string' ? cell : JSON.stringify(cell ?? '');
  };
}

const collator = new Intl.Collator('en', { numeric: true });

function compare(a: string | number, b: string | number): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return collator.compare(String(a), String(b));
}
