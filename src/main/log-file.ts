import { createWriteStream, renameSync, statSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { makePrivateFolder } from '#main/clusters/secure-files.ts';
import { createLog, type Log, type LogLevel, type LogLine } from '#shared/base/log.ts';
import type { Clock } from '#shared/base/clock.ts';

export interface LogFileOptions {
  readonly folder: string;
  readonly clock: Clock;
  /** Lines from this level on are told here too. */
  readonly level: LogLevel;
  print(line: string): void;
}

const largestBytes = 10 << 20;
const ranks: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** A log in `pilothouse.log`, a line of JSON each; the file before stays as `pilothouse.log.1`. */
export async function openLogFile(
  options: LogFileOptions,
): Promise<{ readonly log: Log } & AsyncDisposable> {
  const { folder, clock, level, print } = options;
  await makePrivateFolder(folder);
  const path = join(folder, 'pilothouse.log');
  rotate(path);
  const file = createWriteStream(path, { flags: 'a', mode: 0o600 });
  // A full disk costs log lines, never the cluster.
  file.on('error', () => {});
  const write = (line: LogLine): void => {
    const time = new Date(clock.now()).toISOString();
    const text = JSON.stringify({ time, level: line.level, msg: line.sentence, ...plain(line) });
    if (!file.destroyed) file.write(`${text}\n`);
    if (ranks[line.level] >= ranks[level]) print(text);
  };
  return {
    log: createLog(write, { level: level === 'debug' ? 'debug' : 'info' }),
    async [Symbol.asyncDispose]() {
      if (file.destroyed) return;
      file.end();
      await once(file, 'close');
    },
  };
}

/** Errors as what they say; everything else as it is. */
function plain({ fields }: LogLine): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, told(value)]));
}

function told(value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const cause = value.cause === undefined ? {} : { cause: told(value.cause) };
  return { name: value.name, message: value.message, stack: value.stack, ...cause };
}

function rotate(path: string): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > largestBytes) renameSync(path, `${path}.1`);
}
