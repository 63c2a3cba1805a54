import type { Labels } from './affinity-terms.ts';

/** The values of one node label as small numbers, by the node's slot; -1 where it is absent. */
export interface TopologyColumn {
  readonly key: string;
  ids: Int32Array;
  /** Values by id; ids of values that are gone stay unused. */
  readonly values: string[];
}

interface Entry extends TopologyColumn {
  readonly idOf: Map<string, number>;
}

/** Label columns for the topology keys that pods ask about, made on first use and then kept. */
export class TopologyColumns {
  readonly #columns = new Map<string, Entry>();
  readonly #labelsOf: () => Iterable<readonly [slot: number, labels: Labels]>;
  #capacity = 64;

  constructor(labelsOf: () => Iterable<readonly [slot: number, labels: Labels]>) {
    this.#labelsOf = labelsOf;
  }

  column(key: string): TopologyColumn {
    const known = this.#columns.get(key);
    if (known) return known;
    const ids = new Int32Array(this.#capacity).fill(-1);
    const column: Entry = { key, ids, values: [], idOf: new Map() };
    for (const [slot, labels] of this.#labelsOf()) assign(column, slot, labels);
    this.#columns.set(key, column);
    return column;
  }

  set(slot: number, labels: Labels): void {
    if (slot >= this.#capacity) this.#grow(slot);
    for (const [key, column] of this.#columns) {
      assign(column, slot, labels);
      // Values that left with their nodes are forgotten by building the column anew.
      if (column.values.length > 2 * this.#capacity) this.#columns.delete(key);
    }
  }

  #grow(slot: number): void {
    this.#capacity = Math.max(slot + 1, 2 * this.#capacity);
    for (const column of this.#columns.values()) column.ids = grown(column.ids, this.#capacity, -1);
  }
}

/** The same numbers in a longer array. */
export function grown(array: Int32Array, length: number, filler: number): Int32Array<ArrayBuffer> {
  const longer = new Int32Array(length).fill(filler);
  longer.set(array);
  return longer;
}

function assign(column: Entry, slot: number, labels: Labels): void {
  const value = labels[column.key];
  if (value === undefined) {
    column.ids[slot] = -1;
    return;
  }
  let id = column.idOf.get(value);
  if (id === undefined) {
    id = column.values.push(value) - 1;
    column.idOf.set(value, id);
  }
  column.ids[slot] = id;
}
