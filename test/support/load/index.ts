import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** What became of requests. */
export interface Tally {
  readonly answered: number;
  /** By who answered. */
  readonly by: Readonly<Record<string, number>>;
  readonly slowestMs: number;
  /** With when they were asked. */
  readonly lost: readonly { readonly at: number; readonly why: string }[];
}

export interface Load extends AsyncDisposable {
  /** So far. */
  readonly tally: () => Tally;
  /** Resolves once everything that has been asked is answered or lost. */
  stop(): Promise<Tally>;
}

export interface LoadOptions {
  /** `address:port`. */
  readonly target: string;
  /** New connections a second. */
  readonly rate: number;
  /** Whose network the requests come from: a process of this machine, or a namespace's file. */
  readonly from?: string;
}

/** Requests at a steady rate, each on a connection of its own, from a process of its own. */
export function startLoad({ target, rate, from }: LoadOptions): Load {
  const client = [process.execPath, join(import.meta.dirname, 'client.ts'), target, String(rate)];
  const [program = '', ...args] =
    from === undefined ? client : ['nsenter', `--net=${from}`, ...client];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  let all: Tally = { answered: 0, by: {}, slowestMs: 0, lost: [] };
  createInterface({ input: child.stdout }).on('line', (line) => {
    all = sum(all, JSON.parse(line) as Tally);
  });
  const stop = async (): Promise<Tally> => {
    child.kill('SIGTERM');
    await ended;
    return all;
  };
  return {
    tally: () => all,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

function sum(one: Tally, other: Tally): Tally {
  const by = { ...one.by };
  for (const [who, count] of Object.entries(other.by)) by[who] = (by[who] ?? 0) + count;
  return {
    answered: one.answered + other.answered,
    by,
    slowestMs: Math.max(one.slowestMs, other.slowestMs),
    lost: [...one.lost, ...other.lost],
  };
}
