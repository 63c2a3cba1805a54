import { StoreError, type Store } from '#main/control-plane/etcd/store.ts';
import { sleep, type Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';

/** Where servers on one store agree on who compacts it. */
const key = 'compact_rev_key';
/** As upstream's; history is kept for between one and two of these. */
const everyMs = 300_000;

export interface CompactorOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}

/** What one server knows of the last compaction: how often there was one, and the revision by then. */
interface Round {
  readonly version: number;
  readonly revision: number;
}

/**
 * Forgets every five minutes what was overwritten or deleted more than five minutes ago. Of several
 * servers on one store one does so each time: whoever moves the key on.
 */
export function startCompactor({ store, clock, log }: CompactorOptions): AsyncDisposable {
  const stop = new AbortController();
  const running = (async () => {
    let last: Round = { version: 0, revision: 0 };
    for (;;) {
      await sleep(clock, everyMs, stop.signal).catch(() => {}); // only ends early when stopped
      if (stop.signal.aborted) return;
      try {
        last = await compactOnce(store, last);
      } catch (error) {
        log.warn('The store cannot be compacted; trying again in some minutes', { error });
      }
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

/** Compacts to the revision of the last round, unless another server has been faster. */
export async function compactOnce(store: Store, { version, revision }: Round): Promise<Round> {
  const {
    succeeded,
    responses,
    revision: current,
  } = await store.txn({
    compare: [{ key, target: 'version', result: '=', value: version }],
    success: [{ type: 'put', key, value: Buffer.from(String(revision)) }],
    failure: [{ type: 'range', key }],
  });
  if (!succeeded) {
    const [range] = responses;
    const known = range?.type === 'range' ? range.kvs[0] : undefined;
    return { version: known?.version ?? 0, revision: current };
  }
  if (revision > 0) {
    try {
      await store.compact(revision);
    } catch (error) {
      if (!StoreError.is(error, 'compacted')) throw error; // somebody else has been there
    }
  }
  return { version: version + 1, revision: current };
}
