import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { isTombstone, placeBits, recordKey, recordPrevious, sealRecord } from './records.ts';
import { changes, changesIn, groupOf, rows, selectRows, type Change, type Row } from './rows.ts';

/** How many changes are looked at, and how many are removed, in one slice. */
const scannedPerSlice = 512;
const removedPerSlice = 512;
/** Nor are more bytes of rows that stay in part written again. */
const rewrittenPerSlice = 1024 * 1024;
/** How many are looked at before those that were found are removed, neighbours together. */
const windowRows = 50_000;

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
  readonly #insert: StatementSync;
  readonly #note: StatementSync;
  /** Everything that changes before this revision made superfluous has been removed. */
  #done: number;
  /** Where the scan goes on. */
  #next: number;
  #doomed: Doomed[] = [];
  /** How many of the doomed have been removed; `undefined` while they are being found. */
  #removed: number | undefined;

  constructor(database: DatabaseSync, done: number) {
    this.#select = database.prepare(selectRows);
    this.#select.setReturnArrays(true);
    this.#delete = database.prepare(`DELETE FROM history WHERE id = (? << ${placeBits}) | ?`);
    this.#insert = database.prepare(`INSERT INTO history VALUES ((? << ${placeBits}) | ?, ?)`);
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
    for (const [main, , record] of changes(this.#select, this.#next, last + 1)) {
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
    let to = from;
    let rewritten = 0;
    while (to < this.#doomed.length && to - from < removedPerSlice) {
      const { main } = this.#doomed[to]!;
      const row = [...rows(this.#select, main, main + 1)].find(isAbout(this.#doomed[to]!));
      // The doomed are in order, so that those that share a row stand together.
      const next = row ? this.#endOfRow(row, to) : to + 1;
      if (row) rewritten += this.#removeFrom(row, this.#doomed.slice(to, next));
      to = next;
      if (rewritten > rewrittenPerSlice) break;
    }
    this.#removed = to;
    if (to === this.#doomed.length) {
      this.#note.run(this.#next);
      this.#done = this.#next;
      this.rollBack();
    }
    return (to - from) / 4 + rewritten / 12_000;
  }

  #endOfRow(row: Row, from: number): number {
    let end = from + 1;
    const known = new Set([...changesIn(row)].map(identity));
    while (end < this.#doomed.length && known.has(nameOf(this.#doomed[end]!))) end++;
    return end;
  }

  /** Returns how many bytes are written again. */
  #removeFrom(row: Row, doomed: readonly Doomed[]): number {
    const gone = new Set(doomed.map(nameOf));
    const kept = [...changesIn(row)].filter((change) => !gone.has(identity(change)));
    this.#delete.run(row.main, row.place);
    const [first] = kept;
    if (!first) return 0;
    const bytes = groupOf(kept);
    sealRecord(bytes);
    this.#insert.run(first[0], first[1], bytes);
    return bytes.length;
  }
}

function nameOf({ main, key }: Doomed): string {
  return `${main} ${key}`;
}

function identity([main, , record]: Change): string {
  return `${main} ${recordKey(record)}`;
}

function isAbout(doomed: Doomed): (row: Row) => boolean {
  const name = nameOf(doomed);
  return (row) => [...changesIn(row)].some((change) => identity(change) === name);
}
