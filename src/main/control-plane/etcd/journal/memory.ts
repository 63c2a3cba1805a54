import { StoreError } from '../store.ts';
import type { HistoryPage, Journal, JournalBatch } from './journal.ts';

/** Keeps nothing: the store's own memory is all there is. */
export function createMemoryJournal(): Journal {
  let closed = false;
  const done = async (): Promise<void> => {};
  return {
    commit(_batch: JournalBatch, finish) {
      const error = closed ? new StoreError('stopped', 'The store has stopped') : undefined;
      setImmediate(() => finish(error));
    },
    history: async (): Promise<HistoryPage> => unreachable(),
    before: async () => unreachable(),
    compacted: done,
    probe: done,
    defragment: done,
    size: async () => ({ totalBytes: 0, usedBytes: 0 }),
    async [Symbol.asyncDispose]() {
      closed = true;
    },
  };
}

function unreachable(): never {
  throw new Error('A store in memory holds its whole past there');
}
