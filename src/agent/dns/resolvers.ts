import { readFile, stat } from 'node:fs/promises';
import type { Clock } from '#shared/base/clock.ts';
import { parseIp } from '#shared/kube/ip.ts';

const lookEveryMs = 5000;

/** The servers that the node itself asks, by its resolv.conf, which may change at any time. */
export class Resolvers {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #own: string;
  #servers: readonly string[] = [];
  #modified = -1;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor({ file, clock, own }: { file: string; clock: Clock; own: string }) {
    this.#file = file;
    this.#clock = clock;
    this.#own = own;
  }

  /** In order of preference. This server itself is left out: it would ask itself for ever. */
  async servers(): Promise<readonly string[]> {
    if (this.#clock.elapsed() - this.#lookedAt < lookEveryMs) return this.#servers;
    this.#lookedAt = this.#clock.elapsed();
    try {
      const { mtimeMs } = await stat(this.#file);
      if (mtimeMs === this.#modified) return this.#servers;
      this.#servers = nameServersIn(await readFile(this.#file, 'utf8')).filter(
        (server) => server !== this.#own,
      );
      this.#modified = mtimeMs;
    } catch {
      // No file, no servers: names outside the cluster cannot be resolved until there is one.
      this.#servers = [];
      this.#modified = -1;
    }
    return this.#servers;
  }
}

function nameServersIn(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => {
    const [, address = ''] = /^\s*nameserver\s+(\S+)/.exec(line) ?? [];
    return parseIp(address) ? address : [];
  });
}
