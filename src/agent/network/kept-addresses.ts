import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { networkName } from '#agent/network/cni-configuration.ts';
import { formatIp, parseIp } from '#shared/kube/ip.ts';

/** Where `host-local` looks on from: the address that it gave away last, of its only range. */
const lastGivenFile = 'last_reserved_ip.0';

/**
 * Lets a pod whose sandbox is made anew have the address that it had, where nobody else has it now:
 * after a reboot without the API all nodes go on leading to pods where they were. `host-local` gives
 * the next free address after the last one, and is told that the last one was just before. Who comes
 * back therefore comes alone, and before those to whom every address is right.
 */
export class KeptAddresses {
  readonly #folder: string;
  #returning: Promise<unknown> = Promise.resolve();
  readonly #others = new Set<Promise<unknown>>();

  /** Where the plugin keeps its leases. */
  constructor(leases: string) {
    this.#folder = join(leases, networkName);
  }

  /** Runs what gives a pod its address. */
  assign<T>(wanted: string | undefined, run: () => Promise<T>): Promise<T> {
    const before = this.#returning;
    if (wanted === undefined) {
      const one = before.then(run);
      const settled = one.catch(() => {}); // whoever asked is told
      this.#others.add(settled);
      void settled.finally(() => this.#others.delete(settled));
      return one;
    }
    const one = Promise.all([before, ...this.#others]).then(async () => {
      await this.#prefer(wanted);
      return await run();
    });
    this.#returning = one.catch(() => {}); // likewise
    return one;
  }

  async #prefer(address: string): Promise<void> {
    const parsed = parseIp(address);
    if (!parsed || (await isThere(join(this.#folder, address)))) return;
    await mkdir(this.#folder, { recursive: true });
    await writeFile(join(this.#folder, lastGivenFile), formatIp({ bytes: previous(parsed.bytes) }));
  }
}

/** The address just before. */
function previous(bytes: readonly number[]): number[] {
  const before = [...bytes];
  for (let at = before.length - 1; at >= 0; at--) {
    const byte = before[at]!;
    before[at] = byte === 0 ? 0xff : byte - 1;
    if (byte !== 0) break;
  }
  return before;
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false, // free
  );
}
