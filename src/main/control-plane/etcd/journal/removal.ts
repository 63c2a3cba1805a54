import type { DatabaseSync, StatementSync } from 'node:sqlite';
import {
  maxPlaces,
  placeBits,
  asBuffer,
  isTombstone,
  recordKey,
  recordPrevious,
} from './records.ts';

/** How many changes are looked at, and how many are removed, in one slice. */
const scannedPerSlice = 512;
const removedPerSlice = 512;
/** How many are looked at before those that were found are removed, neighbours together. */
const windowRows = 50_000;

export const selectRange = `SELECT id >> ${placeBits}, id & ${maxPlaces - 1}, record FROM history
  WHERE id >= (? << ${placeBits}) AND id < (? << ${placeBits}) ORDER BY id`;

export type Row = readonly [main: number, place: number, record: Buffer];

/** Every change from one revision up to, not including, another. */
export function* rows(select: StatementSync, from: number, to: number): Iterable<Row> {
  for (const row of select.iterate(from, to) as Iterable<unknown>) {
    const [main, place, record] = row as [number, number, Uint8Array];
    yield [main, place, asBuffer(record)];
  }
}

/** The change of one key at one revision. */
export function findVersion(select: StatementSync, key: string, main: number): Row | undefined {
  if (main === 0) return undefined;
  for (const row of rows(select, main, main + 1)) if (recordKey(row[2]) === key) return row;
  return undefined;
}

interface Doomed {
  readonly main: number;
  readonly key: string;
}

/**
 * Takes what compaction gave up off the disk, a slice at a time: a change up to the compacted
 * revision makes what it replaced superfluous, and a deletion itself too; the one at the very
 * revision stays until the next time, for watches that begin there.
 *
 * What is older goes first, so that a key's last version is never gone before those under it. Broken
 * off anywhere, it begins the window again and finds less to do.
 */
export class Removal {
  readonly #select: StatementSync;
  readonly #delete: StatementSync;
  readonly #note: StatementSync;
  /** Everything that changes before this revision made superfluous has been removed. */
  #done: number;
  /** Where the scan goes on. */
  #next: number;
  #doomed: Doomed[] = [];
  /** How many of the doomed have been removed; `undefined` while they are being found. */
  #removed: number | undefined;

  constructor(database: DatabaseSync, done: number) {
    this.#select = database.prepare(selectRange);
    this.#select.setReturnArrays(true);
    this.#delete = database.prepare(`DELETE FROM history WHERE id = (? << ${placeBits}) | ?`);
    this.#note = database.prepare(`UPDATE meta SET value = ? WHERE name = 'removedRevision'`);
    this.#done = done;
    this.#next = done;
  }

  isDue(compactRevision: number): boolean {
    return this.#done < compactRevision;
  }

  /** To be called within a transaction. Returns about how many pages it has changed. */
  slice(compactRevision: number): number {
    if (this.#removed === undefined) {
      this.#scan(compactRevision);
      return 0;
    }
    return this.#remove();
  }

  /** The transaction around the last slice has failed: its window begins again. */
  rollBack(): void {
    this.#next = this.#done;
    this.#doomed = [];
    this.#removed = undefined;
  }

  #scan(last: number): void {
    let count = 0;
    let within = 0;
    let next = last;
    for (const [main, , record] of rows(this.#select, this.#next, last + 1)) {
      // The last revision is never left half looked at: that would count as done.
      if (count++ >= scannedPerSlice && main !== within && main !== last) {
        next = main;
        break;
      }
      within = main;
      const key = recordKey(record);
      const previous = recordPrevious(record);
      if (previous > 0) this.#doomed.push({ main: previous, key });
      if (isTombstone(record) && main < last) this.#doomed.push({ main, key });
    }
    this.#next = next;
    if (next < last && this.#doomed.length < windowRows) return;
    this.#doomed.sort((a, b) => a.main - b.main);
    this.#removed = 0;
  }

  #remove(): number {
    const from = this.#removed!;
    const to = Math.min(from + removedPerSlice, this.#doomed.length);
    for (let i = from; i < to; i++) {
      const { main, key } = this.#doomed[i]!;
      const row = findVersion(this.#select, key, main);
      if (row) this.#delete.run(main, row[1]);
    }
    this.#removed = to;
    if (to === this.#doomed.length) {
      this.#note.run(this.#next);
      this.#done = this.#next;
      this.rollBack();
    }
    return (to - from) / 4;
  }
}
