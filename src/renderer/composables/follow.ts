import { sleep } from '#shared/base/clock.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import type { Followed, TableColumn } from '#shared/contract/following.ts';
import { messageOf } from './message-of.ts';

/** One thing that happened: `before` is absent when it is new, `after` when it is gone. */
export interface Change<T> {
  readonly before: T | undefined;
  readonly after: T | undefined;
}

/** Who shows what is followed. */
export interface Follower<T> {
  begin(columns: readonly TableColumn[]): void;
  /** All there is may be another than before. */
  replaced(all: Map<string, T>): void;
  /** They are in the Map that `replaced` gave. */
  changed(changes: readonly Change<T>[]): void;
  complete(): void;
  problem(why: string): void;
}

const retryMs = 1_000;

/**
 * Hands on what the app tells of a kind until it is aborted. A first reading is shown as it comes; a
 * later one only when it is whole, so that nothing vanishes that is still there.
 */
export async function follow<T>(
  open: (signal: AbortSignal) => AsyncIterable<Followed<T>>,
  { keyOf, follower, signal }: FollowOptions<T>,
): Promise<void> {
  let shown: Map<string, T> | undefined;
  while (!signal.aborted) {
    try {
      let reading = new Map<string, T>();
      for await (const told of open(signal)) {
        if (told.type === 'begin') {
          follower.begin(told.columns);
          reading = new Map();
          if (shown === undefined) follower.replaced((shown = reading));
        } else if (told.type === 'complete') {
          if (shown !== reading) follower.replaced((shown = reading));
          follower.complete();
        } else {
          const changes = taken(reading, told, keyOf);
          if (shown === reading) follower.changed(changes);
        }
      }
    } catch (error) {
      if (!signal.aborted) follower.problem(messageOf(error));
    }
    if (!signal.aborted) await sleep(systemClock, retryMs);
  }
}

export interface FollowOptions<T> {
  keyOf(item: T): string;
  readonly follower: Follower<T>;
  readonly signal: AbortSignal;
}

function taken<T>(
  known: Map<string, T>,
  { put, gone }: Extract<Followed<T>, { type: 'changes' }>,
  keyOf: (item: T) => string,
): readonly Change<T>[] {
  const changes: Change<T>[] = [];
  for (const after of put) {
    const key = keyOf(after);
    changes.push({ before: known.get(key), after });
    known.set(key, after);
  }
  for (const key of gone) {
    const before = known.get(key);
    if (known.delete(key)) changes.push({ before, after: undefined });
  }
  return changes;
}
