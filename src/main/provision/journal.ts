import { runOn, type Machine } from '#main/provision/machine.ts';

const path = '/var/lib/pilothouse/journal.jsonl';

interface Entry {
  readonly step: string;
  /** What was there before; for undoing. */
  readonly prior?: unknown;
  readonly undone?: true;
}

/**
 * What has been begun on a machine, kept on that machine: whoever comes later can go on with it or
 * take it back. What was there before the first attempt is what counts.
 */
export class Journal {
  readonly #machine: Machine;
  readonly #begun: Map<string, unknown>;

  private constructor(machine: Machine, begun: Map<string, unknown>) {
    this.#machine = machine;
    this.#begun = begun;
  }

  static async open(machine: Machine): Promise<Journal> {
    const text = await runOn(machine, `[ ! -e ${path} ] || cat ${path}`);
    const begun = new Map<string, unknown>();
    for (const line of text.split('\n')) {
      const entry = parse(line);
      if (entry?.undone) begun.delete(entry.step);
      else if (entry && !begun.has(entry.step)) begun.set(entry.step, entry.prior);
    }
    return new Journal(machine, begun);
  }

  has(step: string): boolean {
    return this.#begun.has(step);
  }

  prior(step: string): unknown {
    return this.#begun.get(step);
  }

  async begin(step: string, prior: unknown): Promise<void> {
    await this.#append({ step, prior });
    this.#begun.set(step, prior);
  }

  async undone(step: string): Promise<void> {
    this.#begun.delete(step);
    if (this.#begun.size > 0) return this.#append({ step, undone: true });
    await runOn(
      this.#machine,
      `rm -f ${path}; [ ! -d /var/lib/pilothouse ] || rm -rf /var/lib/pilothouse`,
    );
  }

  async #append(entry: Entry): Promise<void> {
    const script = `mkdir -p -m 755 /var/lib/pilothouse
umask 077
cat >>${path}
sync ${path}`;
    await runOn(this.#machine, script, { input: `${JSON.stringify(entry)}\n` });
  }
}

/** A line that a power cut tore is as good as none: what it was about had not begun. */
function parse(line: string): Entry | undefined {
  try {
    return line === '' ? undefined : (JSON.parse(line) as Entry);
  } catch {
    return undefined;
  }
}
