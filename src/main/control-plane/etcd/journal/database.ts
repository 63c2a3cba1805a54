import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { HistoryQuery } from './journal.ts';
import { openDatabase, pragma, readMeta } from './file.ts';
import { entryHeaderBytes, pageEntry, type PackedBatch, type PackedPage } from './messages.ts';
import { isTombstone, placeBits, recordKey, recordPrevious, sealRecord } from './records.ts';
import { Removal } from './removal.ts';
import { changes, findVersion, selectRows } from './rows.ts';

/** No question keeps a commit waiting for more than so much. */
const pageBytes = 256 * 1024;
const scannedRows = 4096;
const checkpointPages = 512;

/** The SQLite file as the journal's thread uses it. Every method is one transaction. */
export class JournalDatabase {
  readonly #database: DatabaseSync;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #insert: StatementSync;
  readonly #select: StatementSync;
  /** Looking up what a change replaced happens while the changes are being read. */
  readonly #selectVersion: StatementSync;
  readonly #others = new Map<string, StatementSync>();
  #compactRevision: number;
  readonly #removal: Removal;
  #dirtyPages = 0;

  constructor(path: string) {
    this.#database = openDatabase(path);
    const prepare = (sql: string): StatementSync => this.#database.prepare(sql);
    this.#begin = prepare('BEGIN IMMEDIATE');
    this.#commit = prepare('COMMIT');
    this.#insert = prepare(`INSERT INTO history (id, record) VALUES ((? << ${placeBits}) | ?, ?)`);
    this.#select = prepare(selectRows);
    this.#select.setReturnArrays(true);
    this.#selectVersion = prepare(selectRows);
    this.#selectVersion.setReturnArrays(true);
    this.#compactRevision = readMeta(this.#database, 'compactRevision');
    this.#removal = new Removal(this.#database, readMeta(this.#database, 'removedRevision'));
  }

  get housekeepingDue(): boolean {
    return this.#removal.isDue(this.#compactRevision) || this.#dirtyPages >= checkpointPages;
  }

  commit(batch: PackedBatch): void {
    this.#dirtyPages += 1 + batch.length / 12_000;
    if (batch.count === 1 && batch.leases.length === 0 && batch.compactRevision === undefined) {
      // One statement is a transaction by itself.
      this.#insertAll(batch);
      return;
    }
    this.#transaction(() => {
      this.#insertAll(batch);
      for (const { id, ttlSeconds, remainingSeconds = 0 } of batch.leases) {
        if (ttlSeconds === undefined) this.#run('DELETE FROM lease WHERE id = ?', id);
        else this.#run('REPLACE INTO lease VALUES (?, ?, ?)', id, ttlSeconds, remainingSeconds);
      }
      if (batch.compactRevision !== undefined) {
        this.#run(
          `UPDATE meta SET value = ? WHERE name = 'compactRevision'`,
          batch.compactRevision,
        );
      }
    });
    this.#compactRevision = batch.compactRevision ?? this.#compactRevision;
  }

  history(query: HistoryQuery): PackedPage {
    const page = new PageWriter();
    let through = query.fromRevision - 1;
    let scanned = 0;
    for (const [main, , record] of changes(
      this.#select,
      query.fromRevision,
      query.toRevision + 1,
    )) {
      if (main !== through && isEnough(page, scanned++)) return page.finish(through);
      through = main;
      const key = recordKey(record);
      if (key < query.key || (query.to !== undefined && key >= query.to)) continue;
      page.add(isTombstone(record) ? pageEntry.deletion : pageEntry.put, main, record);
      if (query.prevKv !== true) continue;
      const previous = findVersion(this.#selectVersion, key, recordPrevious(record));
      if (previous) page.add(pageEntry.previous, previous[0], previous[2]);
    }
    return page.finish(query.toRevision);
  }

  before(query: HistoryQuery): PackedPage {
    const page = new PageWriter();
    const seen = new Set<string>();
    let through = query.fromRevision - 1;
    let scanned = 0;
    for (const [main, , record] of changes(
      this.#select,
      query.fromRevision,
      query.toRevision + 1,
    )) {
      if (main !== through && isEnough(page, scanned++)) return page.finish(through);
      through = main;
      const key = recordKey(record);
      if (key < query.key || (query.to !== undefined && key >= query.to) || seen.has(key)) continue;
      seen.add(key);
      const previous = findVersion(this.#selectVersion, key, recordPrevious(record));
      if (previous) page.add(pageEntry.previous, previous[0], previous[2]);
      else page.add(pageEntry.absent, main, record);
    }
    return page.finish(query.toRevision);
  }

  /** Takes the next slice off what compaction gave up, or moves the log into the file. */
  keepHouse(): void {
    if (this.#removal.isDue(this.#compactRevision)) this.#removeSlice();
    if (this.#dirtyPages >= checkpointPages) this.#checkpoint();
  }

  probe(): void {
    this.#transaction(() => this.#run('INSERT INTO probe VALUES (zeroblob(262144))'));
    this.#transaction(() => this.#run('DELETE FROM probe'));
  }

  defragment(): void {
    this.#database.exec('VACUUM; PRAGMA wal_checkpoint(TRUNCATE)');
  }

  size(): { totalBytes: number; usedBytes: number } {
    const pageSize = pragma(this.#database, 'page_size');
    const pages = pragma(this.#database, 'page_count');
    const free = pragma(this.#database, 'freelist_count');
    return { totalBytes: pages * pageSize, usedBytes: (pages - free) * pageSize };
  }

  /** The log is moved into the file if there is room; otherwise it stays, and counts, beside it. */
  close(): void {
    this.#database.close();
  }

  /** Moves the log into the file, so that the log can begin anew. */
  #checkpoint(): void {
    // If it fails, for want of room, the log goes on growing and this is tried again in a while.
    this.#dirtyPages = checkpointPages * 0.75;
    this.#database.exec('PRAGMA wal_checkpoint(PASSIVE)');
    this.#dirtyPages = 0;
  }

  #insertAll({ buffer, length }: PackedBatch): void {
    const bytes = Buffer.from(buffer, 0, length);
    for (let at = 0; at < length;) {
      const rowAt = at + entryHeaderBytes;
      const end = rowAt + bytes.readUInt32LE(at + 12);
      const row = bytes.subarray(rowAt, end);
      sealRecord(row);
      this.#insert.run(bytes.readDoubleLE(at), bytes.readUInt32LE(at + 8), row);
      at = end;
    }
  }

  #removeSlice(): void {
    // What a power failure undoes here is only done again.
    this.#database.exec('PRAGMA synchronous=NORMAL');
    try {
      this.#transaction(() => {
        this.#dirtyPages += this.#removal.slice(this.#compactRevision);
      });
    } catch (error) {
      this.#removal.rollBack();
      throw error;
    } finally {
      this.#database.exec('PRAGMA synchronous=FULL');
    }
  }

  #run(sql: string, ...values: (number | bigint)[]): void {
    let statement = this.#others.get(sql);
    if (!statement) this.#others.set(sql, (statement = this.#database.prepare(sql)));
    statement.run(...values);
  }

  #transaction(work: () => void): void {
    this.#begin.run();
    try {
      work();
      this.#commit.run();
    } catch (error) {
      // SQLite has already rolled back by itself after some errors.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }
}

function isEnough(page: PageWriter, scanned: number): boolean {
  return page.length > pageBytes || scanned >= scannedRows;
}

/** Entries of a page in one growing buffer. */
class PageWriter {
  #bytes = Buffer.alloc(64 * 1024);
  length = 0;

  add(kind: number, main: number, record: Buffer): void {
    const end = this.length + entryHeaderBytes + record.length;
    if (end > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(end, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, this.length);
      this.#bytes = larger;
    }
    this.#bytes.writeDoubleLE(main, this.length);
    this.#bytes.writeUInt32LE(kind, this.length + 8);
    this.#bytes.writeUInt32LE(record.length, this.length + 12);
    this.#bytes.set(record, this.length + entryHeaderBytes);
    this.length = end;
  }

  finish(throughRevision: number): PackedPage {
    // `Buffer.alloc` never shares its memory, so all of it may be handed to another thread.
    return { buffer: this.#bytes.buffer, length: this.length, throughRevision };
  }
}
