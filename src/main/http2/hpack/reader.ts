import { decodeHuffman } from '#main/http2/hpack/huffman.ts';
import { staticTable } from '#main/http2/hpack/static-table.ts';

const entryOverhead = 32;
const tableBytes = 4096;

/** Reads header blocks of one connection, in the order in which they come. */
export class HpackReader {
  /** The newest first. */
  readonly #entries: (readonly [name: string, value: string])[] = [];
  #size = 0;
  #limit = tableBytes;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  /** Calls `receive` for each header. Throws if the block is not well formed. */
  read(block: Buffer, receive: (name: string, value: string) => void): void {
    this.#block = block;
    this.#at = 0;
    while (this.#at < block.length && (block[this.#at]! & 0xe0) === 0x20) {
      this.#resize(this.#integer(5));
    }
    while (this.#at < block.length) {
      const first = block[this.#at]!;
      if (first & 0x80) {
        const [name, value] = this.#entry(this.#integer(7));
        receive(name, value);
      } else if ((first & 0xe0) === 0x20) throw new Error('The header table changes too late');
      else {
        const isAdded = (first & 0x40) !== 0;
        const index = this.#integer(isAdded ? 6 : 4);
        const name = index === 0 ? this.#string() : this.#entry(index)[0];
        const value = this.#string();
        if (isAdded) this.#add(name, value);
        receive(name, value);
      }
    }
  }

  #entry(index: number): readonly [name: string, value: string] {
    const entry =
      index <= staticTable.length
        ? staticTable[index - 1]
        : this.#entries[index - staticTable.length - 1];
    if (!entry) throw new Error(`There is no header ${index}`);
    return entry;
  }

  #add(name: string, value: string): void {
    this.#entries.unshift([name, value]);
    this.#size += name.length + value.length + entryOverhead;
    this.#evict();
  }

  #resize(limit: number): void {
    if (limit > tableBytes) throw new Error('The header table is to be larger than agreed');
    this.#limit = limit;
    this.#evict();
  }

  #evict(): void {
    while (this.#size > this.#limit) {
      const [name, value] = this.#entries.pop()!;
      this.#size -= name.length + value.length + entryOverhead;
    }
  }

  #integer(prefixBits: number): number {
    const most = 2 ** prefixBits - 1;
    let value = this.#byte() & most;
    if (value < most) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new Error('A number in a header is too long');
  }

  #string(): string {
    const isHuffman = (this.#block[this.#at]! & 0x80) !== 0;
    const length = this.#integer(7);
    const end = this.#at + length;
    if (end > this.#block.length) throw new Error('A header is cut off');
    const from = this.#at;
    this.#at = end;
    if (isHuffman) return decodeHuffman(this.#block.subarray(from, end));
    return this.#block.toString('latin1', from, end);
  }

  #byte(): number {
    const byte = this.#block[this.#at++];
    if (byte === undefined) throw new Error('A header is cut off');
    return byte;
  }
}
