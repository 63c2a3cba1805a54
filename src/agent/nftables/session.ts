import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { environment } from '#agent/nftables/program.ts';
import type { Clock } from '#shared/base/clock.ts';

/** So long after the last change nft is let go. */
const idleMs = 5000;
/** It remembers every line: now and then a new one is begun. */
const mostChanges = 500;
const longestWaitMs = 10_000;
/** Asks the kernel nothing; what it says tells that all before has been done. */
const question = 'describe ip version';
const answer = /^payload expression.*\n/m;

/**
 * An nft that stays while changes come: one that ends waits for the kernel to free what went, long
 * after the change holds. Changes are made one at a time.
 */
export class NftSession implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #nft: string;
  #current: Process | undefined;
  readonly #ending = new Set<Promise<void>>();
  #idle: Disposable | undefined;

  /** `nft` is how it is run, as words of shell. */
  constructor({ clock, nft = 'nft' }: { readonly clock: Clock; readonly nft?: string }) {
    this.#clock = clock;
    this.#nft = nft;
  }

  /** One transaction, a command a line. Throws what nft says against it; then nothing has changed. */
  async apply(commands: string): Promise<void> {
    this.#idle?.[Symbol.dispose]();
    if (this.#current && (this.#current.hasEnded || this.#current.changes >= mostChanges))
      this.#release();
    const process = (this.#current ??= new Process(this.#nft));
    using _late = this.#clock.after(longestWaitMs, () => process.kill());
    try {
      const said = await process.ask(commands.replaceAll('\n', '; '));
      if (said.trim() !== '')
        throw new Error(`nft refused a change: ${said.trim().slice(0, 2000)}`);
    } finally {
      this.#idle = this.#clock.after(idleMs, () => this.#release());
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#idle?.[Symbol.dispose]();
    this.#release();
    await Promise.all(this.#ending);
  }

  #release(): void {
    const process = this.#current;
    if (!process) return;
    this.#current = undefined;
    const end = process.end().finally(() => this.#ending.delete(end));
    this.#ending.add(end);
  }
}

class Process {
  changes = 0;
  hasEnded = false;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #closed = Promise.withResolvers<void>();
  #said = '';
  #waiting: PromiseWithResolvers<string> | undefined;

  constructor(nft: string) {
    // Whatever it complains about has its place among the answers. Its history goes nowhere.
    this.#child = spawn('sh', ['-c', `exec ${nft} -i 2>&1`], {
      env: { ...environment, HOME: '/dev/null' },
    });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => this.#hear(text));
    this.#child.stdin.on('error', () => {}); // it has ended: that is told below
    this.#child.once('error', (error) => this.#ended(error.message));
    this.#child.once('close', () => this.#ended(this.#said.trim()));
  }

  /** What nft says to the line: nothing, where all is well. */
  ask(line: string): Promise<string> {
    this.changes++;
    this.#waiting = Promise.withResolvers();
    if (this.hasEnded) this.#ended('');
    else this.#child.stdin.write(`${line}\n${question}\n`);
    return this.#waiting.promise;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async end(): Promise<void> {
    this.#child.stdin.end();
    await this.#closed.promise;
  }

  #hear(text: string): void {
    this.#said += text;
    const found = answer.exec(this.#said);
    if (!found) return;
    const before = this.#said.slice(0, found.index);
    this.#said = this.#said.slice(found.index + found[0].length);
    this.#waiting?.resolve(before);
  }

  #ended(why: string): void {
    this.hasEnded = true;
    this.#closed.resolve();
    this.#waiting?.reject(new Error(`nft has ended instead of making a change: ${why}`));
  }
}
