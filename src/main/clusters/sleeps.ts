import * as v from 'valibot';
import { readIfPresent, writeAtomically } from '#main/clusters/secure-files.ts';
import type { Sleep } from '#shared/base/clock.ts';
import type { ClusterClock } from '#shared/base/cluster-clock.ts';
import type { Log } from '#shared/base/log.ts';

const periods = v.array(v.strictObject({ from: v.number(), until: v.number() }));

/**
 * Keeps account of a cluster's sleeps in a file, so that nothing has aged through them after the next
 * start either, and leaves word of each: what looks late or missing afterwards is explained by it.
 */
export async function keepSleeps(
  path: string,
  { pauses }: ClusterClock,
  log: Log,
): Promise<AsyncDisposable> {
  pauses.remember(await readSleeps(path, log));
  let written = Promise.resolve();
  const write = (all: readonly Sleep[]): void => {
    const text = `${JSON.stringify(all)}\n`;
    written = written
      .then(() => writeAtomically(path, text))
      .catch((error: unknown) =>
        log.warn('Cannot write down when the machine slept; a restart would forget it', { error }),
      );
  };
  const iso = (ms: number): string => new Date(ms).toISOString();
  const waking = pauses.onWake(({ from, until }) =>
    log.warn('The machine slept; the cluster stood still', { from: iso(from), until: iso(until) }),
  );
  const changing = pauses.onChange(write);
  return {
    async [Symbol.asyncDispose]() {
      waking[Symbol.dispose]();
      changing[Symbol.dispose]();
      await written;
    },
  };
}

/** What cannot be read is forgotten: then some things are older than they would be. */
async function readSleeps(path: string, log: Log): Promise<readonly Sleep[]> {
  try {
    const text = await readIfPresent(path);
    return text === undefined ? [] : v.parse(periods, JSON.parse(text));
  } catch (error) {
    log.warn('Cannot read when the machine slept; going on without', { path, error });
    return [];
  }
}
