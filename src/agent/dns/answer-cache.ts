import { records } from '#agent/dns/wire.ts';
import type { Clock } from '#shared/base/clock.ts';

/** CoreDNS' `cache 30`: nothing is kept longer, whatever its own time. */
const longestSeconds = 30;
const mostAnswers = 10_000;
const extensionType = 41;

interface Kept {
  readonly reply: Buffer;
  readonly at: number;
  readonly until: number;
}

/** Replies for as long as their records may be kept, those that were not used for longest go first. */
export class AnswerCache {
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** With what is left of its records' time. */
  get(key: string): Buffer | undefined {
    const kept = this.#kept.get(key);
    if (!kept) return undefined;
    this.#kept.delete(key);
    const now = this.#clock.elapsed();
    if (now >= kept.until) return undefined;
    this.#kept.set(key, kept);
    return aged(kept.reply, Math.floor((now - kept.at) / 1000));
  }

  put(key: string, reply: Buffer): void {
    const times = [...timedRecords(reply)].map(({ ttlOffset }) => reply.readUInt32BE(ttlOffset));
    if (times.length === 0) return;
    const at = this.#clock.elapsed();
    this.#kept.set(key, { reply, at, until: at + 1000 * Math.min(longestSeconds, ...times) });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > mostAnswers && oldest !== undefined) this.#kept.delete(oldest);
  }
}

function aged(reply: Buffer, seconds: number): Buffer {
  const copy = Buffer.from(reply);
  for (const { ttlOffset } of timedRecords(copy)) {
    copy.writeUInt32BE(Math.max(0, copy.readUInt32BE(ttlOffset) - seconds), ttlOffset);
  }
  return copy;
}

function timedRecords(reply: Buffer): Iterable<{ readonly ttlOffset: number }> {
  return [...records(reply)].filter(({ type }) => type !== extensionType);
}
