import { watch } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { nanoseconds, parseLogLine, type LogLine } from './line.ts';
import type { LogOptions } from './options.ts';
import type { LogSource } from './source.ts';
import { sleep, type Clock } from '#shared/base/clock.ts';

export interface ReadOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const chunkBytes = 64 * 1024;
const lineBreak = 0x0a;
/** Looked at at least that often while following, whatever the kernel tells. */
const lookMs = 1_000;

/** What a container wrote, as it is asked for; following goes on into the files after rotation. */
export async function* readLog(
  source: LogSource,
  asked: LogOptions,
  options: ReadOptions,
): AsyncGenerator<Buffer> {
  const format = new Formatter(asked);
  await using file = await LogFile.open(source.path);
  if (asked.tailLines !== undefined) await file.toTail(asked.tailLines);
  let isOver = false;
  for (;;) {
    for await (const line of file.lines()) {
      const shown = format.shown(line);
      if (shown) yield shown;
      if (format.isFull) return;
    }
    if (!asked.follow || isOver) return;
    if (await file.moveOn()) continue;
    // What was written just before the end is still to be read.
    isOver = !source.isRunning();
    if (!isOver) await file.change(options);
    if (options.signal.aborted) return;
  }
}

/** Decides what of each line is shown. */
class Formatter {
  readonly #asked: LogOptions;
  #left: number;
  #isWithin = false;

  constructor(asked: LogOptions) {
    this.#asked = asked;
    this.#left = asked.limitBytes ?? Infinity;
  }

  get isFull(): boolean {
    return this.#left <= 0;
  }

  shown(raw: Buffer): Buffer | undefined {
    const line = parseLogLine(raw);
    if (!line || !this.#isWanted(line)) return undefined;
    const begins = !this.#isWithin;
    this.#isWithin = line.isPartial;
    const { timestamps } = this.#asked;
    const prefix = timestamps && begins ? Buffer.from(`${line.time} `) : Buffer.alloc(0);
    const whole = Buffer.concat([prefix, line.content]);
    const shown = whole.length > this.#left ? whole.subarray(0, this.#left) : whole;
    this.#left -= shown.length;
    return shown;
  }

  #isWanted({ time, stream }: LogLine): boolean {
    const { sinceNanoseconds: since, stream: wanted } = this.#asked;
    if (wanted && wanted !== stream) return false;
    return since === undefined || (nanoseconds(time) ?? 0n) >= since;
  }
}

/** A log file that may be moved away while it is read, another one taking its place. */
class LogFile implements AsyncDisposable {
  readonly #path: string;
  #handle: FileHandle;
  #inode: number;
  #at = 0;
  #rest: Buffer = Buffer.alloc(0);

  private constructor(path: string, handle: FileHandle, inode: number) {
    this.#path = path;
    this.#handle = handle;
    this.#inode = inode;
  }

  static async open(path: string): Promise<LogFile> {
    const handle = await open(path);
    return new LogFile(path, handle, (await handle.stat()).ino);
  }

  /** To where only so many lines are left. */
  async toTail(lines: number): Promise<void> {
    const { size } = await this.#handle.stat();
    this.#at = lines === 0 ? size : 0;
    if (lines === 0) return;
    const chunk = Buffer.alloc(chunkBytes);
    let found = 0;
    for (let end = size; end > 0;) {
      const begin = Math.max(0, end - chunkBytes);
      const { bytesRead } = await this.#handle.read(chunk, 0, end - begin, begin);
      for (let at = bytesRead - 1; at >= 0; at--) {
        // The last line's own break ends nothing else.
        if (chunk[at] !== lineBreak || begin + at === size - 1) continue;
        if (++found < lines) continue;
        this.#at = begin + at + 1;
        return;
      }
      end = begin;
    }
  }

  /** Whole lines up to the present end. */
  async *lines(): AsyncGenerator<Buffer> {
    for (;;) {
      const { buffer, bytesRead } = await this.#handle.read({
        buffer: Buffer.alloc(chunkBytes),
        position: this.#at,
      });
      if (bytesRead === 0) return;
      this.#at += bytesRead;
      let bytes = Buffer.concat([this.#rest, buffer.subarray(0, bytesRead)]);
      for (let end = bytes.indexOf(lineBreak); end >= 0; end = bytes.indexOf(lineBreak)) {
        yield bytes.subarray(0, end + 1);
        bytes = bytes.subarray(end + 1);
      }
      this.#rest = bytes;
    }
  }

  /** To the file that took this one's place, if there is one. */
  async moveOn(): Promise<boolean> {
    const now = await stat(this.#path).catch(() => undefined); // between two files there is none
    if (!now || now.ino === this.#inode) return false;
    const next = await open(this.#path);
    await this.#handle.close();
    this.#handle = next;
    this.#inode = (await next.stat()).ino;
    this.#at = 0;
    this.#rest = Buffer.alloc(0);
    return true;
  }

  /** Waits until something has happened to the file, or it is time to look. */
  async change({ clock, signal }: ReadOptions): Promise<void> {
    const stop = new AbortController();
    const both = AbortSignal.any([signal, stop.signal]);
    const { promise: changed, resolve } = Promise.withResolvers<void>();
    const watcher = watch(dirname(this.#path), (_event, name) => {
      if (name === basename(this.#path)) resolve();
    });
    watcher.on('error', () => resolve());
    const { size, ino } = await this.#handle.stat();
    try {
      // What was written before somebody watched is not waited for.
      if (size > this.#at || ino !== this.#inode) return;
      const waited = sleep(clock, lookMs, both).catch(() => {}); // ended early: that is what it waits for
      await Promise.race([changed, waited]);
    } finally {
      watcher.close();
      stop.abort();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}
