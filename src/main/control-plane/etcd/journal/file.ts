import { closeSync, existsSync, openSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { StoreError, type KeyValue } from '../store.ts';
import { isSound, isTombstone, placeBits, readRecord } from './records.ts';
import { changesIn, rows, selectRows } from './rows.ts';
import type { LeaseChange } from './journal.ts';

/** "Plth": tells our files from anybody else's SQLite files. */
const applicationId = 0x506c7468;
/** Since 2, changes that are committed together share a row; 1 is read as well. */
const formatVersion = 2;
const oldestFormatVersion = 1;
/** Holds several objects of usual size, and is still cheap to write for a single one. */
export const filePageBytes = 16_384;

/** More than any row id holds. */
const maxRevision = 2 ** (62 - placeBits);

/** What a file held when it was opened. */
export interface LoadedState {
  readonly revision: number;
  readonly compactRevision: number;
  readonly live: readonly KeyValue[];
  readonly leases: readonly LeaseChange[];
}

export const emptyState: LoadedState = { revision: 1, compactRevision: 0, live: [], leases: [] };

/** Opens for writing, creating the tables of a new file; every commit is on disk when it returns. */
export function openDatabase(path: string): DatabaseSync {
  makePrivate(path);
  const database = new DatabaseSync(path);
  try {
    database.exec('PRAGMA locking_mode=EXCLUSIVE');
    const isNew = pragma(database, 'page_count') === 0;
    if (isNew) database.exec(`PRAGMA page_size=${filePageBytes}`);
    database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0');
    database.exec('PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16384; PRAGMA cell_size_check=ON');
    if (isNew || pragma(database, 'application_id') === 0) createTables(database);
    // What was written before stays as it is; from now on older versions must refuse the file.
    else if (pragma(database, 'user_version') < formatVersion) {
      database.exec(`PRAGMA user_version=${formatVersion}`);
    }
    return database;
  } catch (error) {
    database.close();
    throw translate(error, path);
  }
}

export function createTables(database: DatabaseSync): void {
  database.exec(`
    BEGIN IMMEDIATE;
    PRAGMA application_id=${applicationId};
    PRAGMA user_version=${formatVersion};
    CREATE TABLE history (id INTEGER PRIMARY KEY, record BLOB NOT NULL);
    CREATE TABLE lease (id INTEGER PRIMARY KEY, ttl INTEGER NOT NULL, remaining INTEGER NOT NULL);
    CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    INSERT INTO meta VALUES ('compactRevision', 0), ('removedRevision', 0), ('revision', 1);
    CREATE TABLE probe (filler BLOB);
    COMMIT;`);
}

/** Reads a whole file into memory, checking all of it. Throws `corrupt`, `unavailable`. */
export function loadFile(path: string): LoadedState {
  if (!existsSync(path) || statSync(path).size === 0) return emptyState;
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path);
    database.exec('PRAGMA locking_mode=EXCLUSIVE; PRAGMA cell_size_check=ON');
    const owner = pragma(database, 'application_id');
    const tables = pragma(database, 'schema_version');
    if (owner === 0 && tables === 0) return emptyState;
    if (owner !== applicationId) {
      throw damaged(path, 'it was not written by Pilothouse');
    }
    const version = pragma(database, 'user_version');
    if (version < oldestFormatVersion || version > formatVersion) {
      throw damaged(path, `its format is ${version} and this version reads ${formatVersion}`);
    }
    return readState(database, path);
  } catch (error) {
    throw translate(error, path);
  } finally {
    database?.close();
  }
}

function readState(database: DatabaseSync, path: string): LoadedState {
  const compactRevision = readMeta(database, 'compactRevision');
  const live = new Map<string, KeyValue>();
  let revision = Math.max(readMeta(database, 'revision'), compactRevision);
  const select = database.prepare(selectRows);
  select.setReturnArrays(true);
  let reached = 0;
  for (const row of rows(select, 0, maxRevision)) {
    if (!isSound(row.bytes)) throw damaged(path, `the record of revision ${row.main} is damaged`);
    for (const [main, , record] of changesIn(row)) {
      checkSuccession({ path, reached, main, compactRevision });
      reached = main;
      const { kv, previousRevision } = readRecord(record, main);
      const previous = live.get(kv.key);
      if (main > compactRevision && previousRevision !== (previous?.modRevision ?? 0)) {
        throw damaged(path, `what revision ${main} replaced is missing`);
      }
      // A value must not keep all that it was committed with in memory.
      const value = record === row.bytes ? kv.value : Buffer.from(kv.value);
      if (isTombstone(record)) live.delete(kv.key);
      else live.set(kv.key, { ...kv, value, key: previous?.key ?? kv.key });
    }
  }
  revision = Math.max(revision, reached);
  return { revision, compactRevision, live: [...live.values()], leases: readLeases(database) };
}

interface Succession {
  readonly path: string;
  readonly reached: number;
  readonly main: number;
  readonly compactRevision: number;
}

/** Every revision after the compacted ones left at least one change. */
function checkSuccession({ path, reached, main, compactRevision }: Succession): void {
  const expected = Math.max(reached, compactRevision, 1);
  if (main > expected + 1) throw damaged(path, `revision ${expected + 1} is missing`);
}

function readLeases(database: DatabaseSync): LeaseChange[] {
  const rows = database.prepare('SELECT id, ttl, remaining FROM lease');
  rows.setReadBigInts(true);
  return rows.all().map((row) => ({
    id: row['id'] as bigint,
    ttlSeconds: Number(row['ttl']),
    remainingSeconds: Number(row['remaining']),
  }));
}

export function readMeta(database: DatabaseSync, name: string): number {
  const row = database.prepare('SELECT value FROM meta WHERE name = ?').get(name);
  return (row?.['value'] as number | undefined) ?? 0;
}

export function pragma(database: DatabaseSync, name: string): number {
  const row = database.prepare(`PRAGMA ${name}`).get();
  return Object.values(row ?? {})[0] as number;
}

/** Creates a file that only its owner may read: secrets are kept in it. An existing one stays as it is. */
export function makePrivate(path: string): void {
  closeSync(openSync(path, 'a', 0o600));
}

/** Keeps a second process (or a second store in this one) from opening the file. */
export function lockFile(path: string): Disposable {
  makePrivate(`${path}.lock`);
  const lock = new DatabaseSync(`${path}.lock`);
  try {
    lock.exec('PRAGMA journal_mode=MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    const message = `Cannot open the store ${path}: another process uses it; stop that one first`;
    throw isSqlite(error) && (error.errcode & 0xff) === 5
      ? new StoreError('unavailable', message, { cause: error })
      : translate(error, path);
  }
  return { [Symbol.dispose]: () => lock.close() };
}

function damaged(path: string, what: string): StoreError {
  return new StoreError(
    'corrupt',
    `Cannot open the store ${path}: ${what}; restore it from a snapshot`,
  );
}

interface SqliteError extends Error {
  readonly errcode: number;
}

function isSqlite(error: unknown): error is SqliteError {
  return Error.isError(error) && typeof (error as Partial<SqliteError>).errcode === 'number';
}

/** SQLite's result codes in the store's words. */
export function translate(error: unknown, path: string): Error {
  if (error instanceof StoreError || !isSqlite(error)) return error as Error;
  const { errcode, message } = error;
  const reason = `${message} (SQLite ${errcode})`;
  switch (errcode & 0xff) {
    case 13:
      return new StoreError(
        'noSpace',
        `Cannot write to the store ${path}: the disk is full; free some space and it goes on by itself`,
        { cause: error },
      );
    case 11:
    case 26:
      return new StoreError(
        'corrupt',
        `The store ${path} is damaged: ${reason}; restore it from a snapshot`,
        { cause: error },
      );
    case 5:
      return new StoreError('unavailable', `The store ${path} is used by another process`, {
        cause: error,
      });
    default:
      return new StoreError('unavailable', `Cannot use the store ${path}: ${reason}`, {
        cause: error,
      });
  }
}
