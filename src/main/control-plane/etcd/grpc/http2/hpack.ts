/** Header compression of HTTP/2 (RFC 7541): reading in full; what is written needs no state. */

/** The static table of appendix A, from 1 on. */
const staticTable: readonly (readonly [name: string, value: string])[] = [
  [':authority', ''],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  [':status', '200'],
  [':status', '204'],
  [':status', '206'],
  [':status', '304'],
  [':status', '400'],
  [':status', '404'],
  [':status', '500'],
  ['accept-charset', ''],
  ['accept-encoding', 'gzip, deflate'],
  ...[
    'accept-language accept-ranges accept access-control-allow-origin age allow authorization',
    'cache-control content-disposition content-encoding content-language content-length',
    'content-location content-range content-type cookie date etag expect expires from host',
    'if-match if-modified-since if-none-match if-range if-unmodified-since last-modified link',
    'location max-forwards proxy-authenticate proxy-authorization range referer refresh',
    'retry-after server set-cookie strict-transport-security transfer-encoding user-agent vary via',
    'www-authenticate',
  ]
    .join(' ')
    .split(' ')
    .map((name): [string, string] => [name, '']),
];

/** How many bits each byte's code has (appendix B); the codes follow from their lengths. */
const codeLengths = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
  28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5,
  6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6,
  7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23,
  23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22,
  22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22,
  23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27,
  27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25,
  24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

const endOfString = 256;
/** Two entries a node: where a 0 and where a 1 leads; below 0 it is the complement of a symbol. */
const huffmanTree = buildTree();

function buildTree(): Int16Array {
  const order = codeLengths.map((_, symbol) => symbol);
  order.sort((a, b) => codeLengths[a]! - codeLengths[b]! || a - b);
  const tree = new Int16Array(2 * codeLengths.length);
  let nodes = 1;
  let code = 0;
  let length = 0;
  for (const symbol of order) {
    code = code * 2 ** (codeLengths[symbol]! - length);
    length = codeLengths[symbol]!;
    let node = 0;
    for (let bit = length - 1; bit >= 0; bit--) {
      const at = 2 * node + (Math.floor(code / 2 ** bit) % 2);
      if (bit === 0) tree[at] = ~symbol;
      else node = tree[at] ||= nodes++;
    }
    code++;
  }
  return tree;
}

function decodeHuffman(bytes: Buffer): string {
  let text = '';
  let node = 0;
  let padding = 0;
  let isPaddingOnes = true;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      const one = (byte >> bit) & 1;
      const next = huffmanTree[2 * node + one]!;
      padding++;
      isPaddingOnes &&= one === 1;
      if (next >= 0) {
        node = next;
        continue;
      }
      if (~next === endOfString) throw new Error('A header holds an end of string');
      text += String.fromCharCode(~next);
      node = 0;
      padding = 0;
      isPaddingOnes = true;
    }
  }
  if (padding > 7 || !isPaddingOnes) throw new Error('A header is badly padded');
  return text;
}

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
    while (this.#at < block.length) {
      const first = block[this.#at]!;
      if (first & 0x80) {
        const [name, value] = this.#entry(this.#integer(7));
        receive(name, value);
      } else if ((first & 0xe0) === 0x20) this.#resize(this.#integer(5));
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

/** A block of literal headers that no table needs to remember. */
export function writeHeaders(headers: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(
    headers.flatMap(([name, value]) => [Buffer.of(0), literal(name), literal(value)]),
  );
}

function literal(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.length < 0x7f) return Buffer.concat([Buffer.of(bytes.length), bytes]);
  const length = [0x7f];
  let rest = bytes.length - 0x7f;
  for (; rest >= 0x80; rest >>>= 7) length.push((rest & 0x7f) | 0x80);
  return Buffer.concat([Buffer.from([...length, rest]), bytes]);
}
