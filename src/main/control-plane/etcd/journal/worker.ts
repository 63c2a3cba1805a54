import { parentPort, workerData } from 'node:worker_threads';
import { StoreError } from '../store.ts';
import { translate } from './file.ts';
import type { JournalFailure, JournalReply, JournalRequest } from './messages.ts';
import { JournalDatabase } from './database.ts';

/** The thread that waits for the disk, so that the one that answers requests need not. */
const port = parentPort!;
const { path } = workerData as { readonly path: string };

let database: JournalDatabase | undefined;
let removing = false;
let awaitingRemoval: number[] = [];

port.on('message', (request: JournalRequest) => {
  const transfer: ArrayBuffer[] = [];
  const reply = answer(request, transfer);
  if (reply) port.postMessage(reply, transfer);
  if (request.type === 'close') port.close();
  else afterwards();
});

/** `undefined`: the answer comes later. */
function answer(request: JournalRequest, transfer: ArrayBuffer[]): JournalReply | undefined {
  const { id } = request;
  try {
    database ??= new JournalDatabase(path);
    return perform(database, request, transfer);
  } catch (error) {
    const failure = { id, error: describe(error) };
    return request.type === 'commit' ? { ...failure, buffer: request.batch.buffer } : failure;
  }
}

function perform(
  database: JournalDatabase,
  request: JournalRequest,
  transfer: ArrayBuffer[],
): JournalReply | undefined {
  const { id } = request;
  switch (request.type) {
    case 'commit':
      transfer.push(request.batch.buffer);
      database.commit(request.batch);
      return { id, buffer: request.batch.buffer };
    case 'history':
    case 'before': {
      const { type, query } = request;
      const page = type === 'history' ? database.history(query) : database.before(query);
      transfer.push(page.buffer);
      return { id, page };
    }
    case 'compacted':
      awaitingRemoval.push(id);
      return undefined;
    case 'probe':
      database.probe();
      return { id };
    case 'defragment':
      database.defragment();
      return { id };
    case 'size':
      return { id, size: database.size() };
    case 'close':
      database.close();
      return { id };
    default:
      throw new Error('The journal was asked for what it does not know');
  }
}

function describe(error: unknown): JournalFailure {
  const translated = translate(error, path);
  return translated instanceof StoreError
    ? { code: translated.code, message: translated.message }
    : { code: 'unavailable', message: `The store ${path} failed: ${translated.stack}` };
}

/** Housekeeping, in slices short enough that the next commit hardly notices. */
function afterwards(): void {
  if (!database || removing) return;
  if (!database.housekeepingDue) return settleRemoval();
  removing = true;
  setImmediate(() => {
    removing = false;
    try {
      database?.keepHouse();
    } catch (error) {
      // Nothing is lost: it is tried again after the next request. Who waits for it hears of it.
      for (const id of awaitingRemoval.splice(0)) port.postMessage({ id, error: describe(error) });
      return;
    }
    afterwards();
  });
}

function settleRemoval(): void {
  for (const id of awaitingRemoval.splice(0)) port.postMessage({ id } satisfies JournalReply);
}
