import { formatIp, parseCidr, parseIp, type IpAddress } from '#shared/kube/ip.ts';

/** No pool is larger than this: nobody has so many services. */
const mostAddresses = 65_536n;

interface Span {
  readonly first: bigint;
  readonly last: bigint;
  readonly family: 4 | 6;
}

/** Addresses to give out, in the order in which they were named. */
export class AddressPool {
  readonly #spans: readonly Span[];

  /** Of `192.168.1.240`, `192.168.1.240-192.168.1.250` and `192.168.1.240/28`. Throws what is none of these. */
  constructor(entries: readonly string[]) {
    this.#spans = entries.map(spanOf);
  }

  has(address: string): boolean {
    const parsed = parseIp(address);
    return (
      parsed !== undefined &&
      this.#spans.some(({ first, last, family }) => {
        const value = valueOf(parsed);
        return family === parsed.family && first <= value && value <= last;
      })
    );
  }

  firstFree(family: 4 | 6, isTaken: (address: string) => boolean): string | undefined {
    for (const span of this.#spans) {
      if (span.family !== family) continue;
      for (let value = span.first; value <= span.last; value++) {
        const address = textOf(value, family);
        if (!isTaken(address)) return address;
      }
    }
    return undefined;
  }
}

function spanOf(entry: string): Span {
  const cidr = parseCidr(entry);
  const [from = '', to = from] = entry.split('-').map((part) => part.trim());
  const [low, high] = [cidr?.address ?? parseIp(from), parseIp(to)];
  if (!low || (!cidr && (!high || high.family !== low.family)))
    throw new Error(
      `Cannot use "${entry}" in the address pool: write an address, two addresses with "-" between, or a CIDR`,
    );
  const { family } = low;
  let [first, last] = [valueOf(low), cidr ? 0n : valueOf(high!)];
  if (cidr) {
    const size = 1n << BigInt((family === 4 ? 32 : 128) - cidr.bits);
    first -= first % size;
    last = first + size - 1n;
  }
  if (last < first || last - first >= mostAddresses)
    throw new Error(`Cannot use "${entry}" in the address pool: it holds none or too many`);
  return { first, last, family };
}

function valueOf({ bytes }: IpAddress): bigint {
  return bytes.reduce((value, byte) => value * 256n + BigInt(byte), 0n);
}

function textOf(value: bigint, family: 4 | 6): string {
  const count = family === 4 ? 4 : 16;
  const bytes = Array.from({ length: count }, (_, index) =>
    Number((value >> BigInt(8 * (count - 1 - index))) & 255n),
  );
  return formatIp({ bytes });
}
