import { Worker } from 'node:worker_threads';
import { StoreError, type KeyValue, type StoreErrorCode, type StoreEvent } from '../store.ts';
import { finishRestore } from '../snapshot/restore.ts';
import { loadFile, lockFile, type LoadedState } from './file.ts';
import type { HistoryChange, HistoryPage, HistoryQuery, Journal, JournalBatch } from './journal.ts';
import {
  entryHeaderBytes,
  pageEntry,
  type JournalReply,
  type JournalRequest,
  type PackedBatch,
  type PackedPage,
} from './messages.ts';
import {
  groupHeadBytes,
  readRecord,
  recordKey,
  recordLength,
  writeGroupHead,
  writeRecord,
} from './records.ts';

type Unnumbered<T> = T extends unknown ? Omit<T, 'id'> : never;

/** A file in SQLite's format, written by a thread of its own. */
export function openSqliteJournal(path: string): { journal: Journal; state: LoadedState } {
  using stack = new DisposableStack();
  stack.use(lockFile(path));
  finishRestore(path);
  // Started before the file is read: the one takes as long as the other.
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: { path } });
  stack.defer(() => void worker.terminate());
  const state = loadFile(path);
  return { journal: new SqliteJournal(path, worker, stack.move()), state };
}

class SqliteJournal implements Journal {
  readonly #path: string;
  readonly #worker: Worker;
  readonly #owned: DisposableStack;
  readonly #waiting = new Map<number, (reply: JournalReply) => void>();
  readonly #exited = Promise.withResolvers<void>();
  #lastId = 0;
  #stopped: StoreError | undefined;
  #spare = new ArrayBuffer(256 * 1024);

  constructor(path: string, worker: Worker, owned: DisposableStack) {
    this.#path = path;
    this.#worker = worker;
    this.#owned = owned;
    worker.on('message', (reply: JournalReply) => this.#settle(reply));
    worker.on('error', (error) => this.#fail(error));
    worker.on('exit', () => {
      this.#fail();
      this.#exited.resolve();
    });
  }

  commit(batch: JournalBatch, done: (error?: Error) => void): void {
    const packed = this.#pack(batch);
    this.#ask(
      { type: 'commit', batch: packed },
      (reply) => {
        if (reply.buffer) this.#spare = reply.buffer;
        done(reply.error && asError(reply.error));
      },
      [packed.buffer],
    );
  }

  async history(query: HistoryQuery): Promise<HistoryPage> {
    const { page } = await this.#request({ type: 'history', query });
    return { changes: readChanges(page!), throughRevision: page!.throughRevision };
  }

  async before(query: HistoryQuery): Promise<ReadonlyMap<string, KeyValue | undefined>> {
    const states = new Map<string, KeyValue | undefined>();
    for (let fromRevision = query.fromRevision; fromRevision <= query.toRevision;) {
      const rest = { ...query, fromRevision };
      const { page } = await this.#request({ type: 'before', query: rest });
      for (const { kind, main, record } of entries(page!)) {
        const key = recordKey(record);
        // What came first tells how it was before.
        if (states.has(key)) continue;
        states.set(key, kind === pageEntry.absent ? undefined : readRecord(record, main).kv);
      }
      fromRevision = page!.throughRevision + 1;
    }
    return states;
  }

  async compacted(): Promise<void> {
    await this.#request({ type: 'compacted' });
  }

  async probe(): Promise<void> {
    await this.#request({ type: 'probe' });
  }

  async defragment(): Promise<void> {
    await this.#request({ type: 'defragment' });
  }

  async size(): Promise<{ totalBytes: number; usedBytes: number }> {
    const { size } = await this.#request({ type: 'size' });
    return size!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#stopped) {
      await this.#request({ type: 'close' });
      await this.#exited.promise;
    }
    this.#owned.dispose();
  }

  #pack({ events, leases, compactRevision }: JournalBatch): PackedBatch {
    let most = events.length * (2 * entryHeaderBytes + groupHeadBytes);
    for (const event of events) most += recordLength(event);
    let buffer = this.#spare;
    if (buffer.byteLength < most) buffer = new ArrayBuffer(Math.ceil(most * 1.25));
    const { length, count } = packRows(Buffer.from(buffer), events);
    return {
      buffer,
      length,
      count,
      leases,
      ...(compactRevision !== undefined && { compactRevision }),
    };
  }

  async #request(request: Unnumbered<JournalRequest>): Promise<JournalReply> {
    const reply = await new Promise<JournalReply>((resolve) => this.#ask(request, resolve));
    if (reply.error) throw asError(reply.error);
    return reply;
  }

  #ask(
    request: Unnumbered<JournalRequest>,
    receive: (reply: JournalReply) => void,
    transfer: ArrayBuffer[] = [],
  ): void {
    const id = ++this.#lastId;
    if (this.#stopped) {
      const { code, message } = this.#stopped;
      queueMicrotask(() => receive({ id, error: { code, message } }));
      return;
    }
    this.#waiting.set(id, receive);
    this.#worker.postMessage({ ...request, id }, transfer);
  }

  #settle(reply: JournalReply): void {
    const receive = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    receive?.(reply);
  }

  /** The thread is gone: by itself, or because it was told to close. */
  #fail(cause?: unknown): void {
    const why = cause === undefined ? '' : `: ${describe(cause)}`;
    const message = `The store ${this.#path} has stopped${why}`;
    this.#stopped ??= new StoreError('stopped', message);
    const { code } = this.#stopped;
    for (const id of this.#waiting.keys()) this.#settle({ id, error: { code, message } });
  }
}

/** One change is a row as it is; of several, groups are made that are not too large to be read for one. */
function packRows(
  bytes: Buffer,
  events: readonly StoreEvent[],
): { readonly length: number; readonly count: number } {
  const isAlone = events.length === 1;
  let count = 0;
  let at = 0;
  let rowAt = 0;
  let main = 0;
  let place = 0;
  for (const event of events) {
    const { modRevision } = event.kv;
    const isNext = modRevision !== main;
    place = isNext ? 0 : place + 1;
    main = modRevision;
    if (count === 0 || (isNext && at - rowAt > enoughGroupBytes)) {
      count++;
      rowAt = at;
      writeEntryHead(bytes, at, { main, place });
      at += entryHeaderBytes;
      if (!isAlone) at = writeGroupHead(bytes, at);
    }
    if (isAlone) at = writeRecord(bytes, at, event);
    else {
      writeEntryHead(bytes, at, { main, place });
      const end = writeRecord(bytes, at + entryHeaderBytes, event);
      bytes.writeUInt32LE(end - at - entryHeaderBytes, at + 12);
      at = end;
    }
    bytes.writeUInt32LE(at - rowAt - entryHeaderBytes, rowAt + 12);
  }
  return { length: at, count };
}

const enoughGroupBytes = 32 * 1024;

function writeEntryHead(
  bytes: Buffer,
  at: number,
  { main, place }: { main: number; place: number },
): void {
  bytes.writeDoubleLE(main, at);
  bytes.writeUInt32LE(place, at + 8);
}

interface Entry {
  readonly kind: number;
  readonly main: number;
  readonly record: Buffer;
}

function* entries({ buffer, length }: PackedPage): Iterable<Entry> {
  const bytes = Buffer.from(buffer, 0, length);
  for (let at = 0; at < length;) {
    const end = at + entryHeaderBytes + bytes.readUInt32LE(at + 12);
    const record = bytes.subarray(at + entryHeaderBytes, end);
    yield { kind: bytes.readUInt32LE(at + 8), main: bytes.readDoubleLE(at), record };
    at = end;
  }
}

function readChanges(page: PackedPage): HistoryChange[] {
  const changes: HistoryChange[] = [];
  for (const { kind, main, record } of entries(page)) {
    const read = readRecord(record, main);
    if (kind !== pageEntry.previous) {
      changes.push({ ...read, deleted: kind === pageEntry.deletion });
    } else changes.push({ ...changes.pop()!, prevKv: read.kv });
  }
  return changes;
}

function describe(cause: unknown): string {
  return Error.isError(cause) ? cause.message : String(cause);
}

function asError({ code, message }: { code: string; message: string }): StoreError {
  return new StoreError(code as StoreErrorCode, message);
}
