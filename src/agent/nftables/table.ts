import { ContentsLedger } from '#agent/nftables/contents.ts';
import type { TablePart } from '#agent/nftables/part.ts';
import type { RunProgram } from '#agent/nftables/program.ts';
import type { NftSession } from '#agent/nftables/session.ts';
import { edits, replacement, type TableName } from '#agent/nftables/transaction.ts';

export interface NftTableOptions {
  readonly name: TableName;
  readonly run: RunProgram;
  /** Makes small changes sooner than a program that is run for each. */
  readonly session?: Pick<NftSession, 'apply'> | undefined;
  /** A small set or map that is always there: listing it tells whether the table still is. */
  readonly witness: `${'set' | 'map'} ${string}`;
  /** Sets that rules fill by themselves, whose elements outlive the first `apply`. */
  readonly isFilledByRules?: (set: string) => boolean;
}

/** What is longer takes longer than a program that ends. */
const shortCommands = 64 * 1024;

/**
 * A table of the kernel's that is ours alone. Parts are put in by their owners; `apply` brings the
 * kernel's copy in step with one transaction that holds only what has changed. The first one replaces
 * what an earlier process left, without a moment in between.
 */
export class NftTable {
  readonly #options: NftTableOptions;
  readonly #ledger = new ContentsLedger();
  #isKnown = false;

  constructor(options: NftTableOptions) {
    this.#options = options;
  }

  put(owner: string, part: TablePart | undefined): void {
    this.#ledger.put(owner, part);
  }

  owners(): IterableIterator<string> {
    return this.#ledger.owners();
  }

  /** Throws what nft said; then nothing has changed, and the next call replaces the whole table. */
  async apply(): Promise<void> {
    if (this.#isKnown) {
      const commands = edits(this.#options.name, this.#ledger.change());
      // What is put in from here on is the next transaction's.
      this.#ledger.settle();
      if (commands === '') return;
      const isDone = await this.#change(commands).then(
        () => true,
        () => false, // somebody else has been at the table: made anew, it is right again
      );
      if (isDone) return;
    }
    this.#isKnown = false;
    const kept = await this.#kept();
    const whole = replacement(this.#options.name, this.#ledger.whole());
    this.#ledger.settle();
    await this.#run([whole, ...kept].join('\n'));
    this.#isKnown = true;
  }

  /** Whether the table is still there: somebody may have flushed the whole rule set. */
  async check(): Promise<boolean> {
    const { name, run, witness } = this.#options;
    try {
      const [kind = '', own = ''] = witness.split(' ');
      await run('nft', ['list', kind, ...name.split(' '), own]);
      return true;
    } catch (error) {
      if (!(error as Error).message.includes('No such file or directory')) throw error;
      this.#isKnown = false;
      return false;
    }
  }

  /** Where nft cannot be talked to, the table is made anew by one that is run. */
  async #change(commands: string): Promise<void> {
    const { session } = this.#options;
    if (session && commands.length <= shortCommands) await session.apply(commands);
    else await this.#run(commands);
  }

  async #run(commands: string): Promise<void> {
    await this.#options.run('nft', ['-f', '-'], { input: commands });
  }

  /** Commands that put back what rules had filled in. */
  async #kept(): Promise<readonly string[]> {
    const { name, run, isFilledByRules } = this.#options;
    const sets = this.#ledger.whole().sets;
    // Listing a large table takes longer than replacing it.
    if (!isFilledByRules || !sets.keys().some(isFilledByRules)) return [];
    if (!(await this.check())) return [];
    const { nftables } = JSON.parse(
      await run('nft', ['-j', 'list', 'table', ...name.split(' ')]),
    ) as { nftables: readonly { set?: KernelSet }[] };
    return nftables.flatMap(({ set }) => {
      if (!set || !isFilledByRules(set.name) || !sets.has(set.name)) return [];
      const elements = (set.elem ?? []).flatMap((one) =>
        typeof one === 'string' ? [] : `${one.elem.val} expires ${one.elem.expires}s`,
      );
      return elements.length > 0
        ? `add element ${name} ${set.name} { ${elements.join(', ')} }`
        : [];
    });
  }
}

/** A set as `nft -j` lists it. */
interface KernelSet {
  readonly name: string;
  readonly elem?: readonly (
    | string
    | {
        readonly elem: { readonly val: string; readonly timeout: number; readonly expires: number };
      }
  )[];
}

/** Takes a table away, whatever it holds and whether it is there or not. */
export async function removeTable(name: TableName, run: RunProgram): Promise<void> {
  await run('nft', ['-f', '-'], { input: `add table ${name}\ndelete table ${name}` });
}
