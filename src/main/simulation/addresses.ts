/** The addresses of the pods of one node: lowest free one first, from the node's range. */
export class PodAddresses {
  readonly #first: number;
  readonly #last: number;
  readonly #taken = new Set<number>();
  #next: number;

  /** `cidr` is IPv4, such as `10.244.3.0/24`; its first address is the node's own end. */
  constructor(cidr: string) {
    const [base = '', bits = '24'] = cidr.split('/');
    const size = 2 ** (32 - Number(bits));
    this.#first = toNumber(base) + 2;
    this.#last = toNumber(base) + size - 2;
    this.#next = this.#first;
  }

  /** Nothing when the range is used up. */
  take(): string | undefined {
    for (let tries = this.#first; tries <= this.#last; tries++) {
      const candidate = this.#next;
      this.#next = candidate === this.#last ? this.#first : candidate + 1;
      if (this.#taken.has(candidate)) continue;
      this.#taken.add(candidate);
      return toText(candidate);
    }
    return undefined;
  }

  /** Keeps what a pod has already from being given to another. */
  reserve(address: string): void {
    this.#taken.add(toNumber(address));
  }

  release(address: string): void {
    this.#taken.delete(toNumber(address));
  }
}

/** The address that a simulated node claims: of 198.18.0.0/15, which is set aside for measurements. */
export function nodeAddress(index: number): string {
  return toText(toNumber('198.18.0.1') + index);
}

/** The range of a simulated node's pods: of 100.64.0.0/10, so that real nodes keep the cluster's own. */
export function podRange(index: number): string {
  return `${toText(toNumber('100.64.0.0') + index * 256)}/24`;
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function toText(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
}
