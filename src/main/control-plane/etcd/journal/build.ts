import { open } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { createTables, filePageBytes, makePrivate, translate, type LoadedState } from './file.ts';
import { placeBits, sealedRecord } from './records.ts';

const rowsAtOnce = 500;

/** Makes a file that holds what it is given, for a store to open. It is on disk when this resolves. */
export async function buildFile(path: string, state: LoadedState): Promise<void> {
  makePrivate(path);
  const database = new DatabaseSync(path);
  try {
    // Until it is complete nobody looks at it, so that it needs no journal.
    database.exec(`PRAGMA page_size=${filePageBytes}; PRAGMA journal_mode=OFF`);
    database.exec('PRAGMA synchronous=OFF');
    createTables(database);
    await fill(database, state);
    database.exec('PRAGMA journal_mode=WAL');
  } catch (error) {
    throw translate(error, path);
  } finally {
    database.close();
  }
  await using file = await open(path, 'r+');
  await file.sync();
}

async function fill(database: DatabaseSync, state: LoadedState): Promise<void> {
  const insert = database.prepare(`INSERT INTO history VALUES ((? << ${placeBits}) | ?, ?)`);
  const live = state.live.toSorted((a, b) => a.modRevision - b.modRevision);
  database.exec('BEGIN');
  let place = 0;
  for (const [index, kv] of live.entries()) {
    place = kv.modRevision === live[index - 1]?.modRevision ? place + 1 : 0;
    insert.run(kv.modRevision, place, sealedRecord({ type: 'put', kv }));
    if (index % rowsAtOnce === rowsAtOnce - 1) await nextTurn();
  }
  const lease = database.prepare('INSERT INTO lease VALUES (?, ?, ?)');
  for (const { id, ttlSeconds = 0, remainingSeconds = 0 } of state.leases) {
    lease.run(id, ttlSeconds, remainingSeconds);
  }
  const meta = database.prepare('UPDATE meta SET value = ? WHERE name = ?');
  meta.run(state.revision, 'revision');
  meta.run(state.compactRevision, 'compactRevision');
  meta.run(state.compactRevision, 'removedRevision');
  database.exec('COMMIT');
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
