import type { FileHandle } from 'node:fs/promises';
import {
  bucketElement,
  bucketHeaderBytes,
  elementBytes,
  fnv1a,
  formatVersion,
  magic,
  metaBytes,
  metaChecksumAt,
  pageFlags,
  pageHeaderBytes,
} from './bolt-format.ts';

const windowBytes = 1024 * 1024;
const deepest = 64;
const noFreelist = 0xffffffffffffffffn;

export interface BoltItem {
  readonly key: Buffer;
  readonly value: Buffer;
}

interface Page {
  readonly id: number;
  readonly flags: number;
  readonly count: number;
  readonly overflow: number;
  readonly bytes: Buffer;
}

/** Says what is wrong with the file, in a clause. */
export class BoltError extends Error {
  override readonly name = 'BoltError';
}

/** Reads a bbolt file of whatever page size. Everything is checked before it is believed. */
export class BoltReader {
  readonly #file: FileHandle;
  readonly #length: number;
  readonly #seen = new Set<number>();
  #pageBytes = 0;
  #pages = 0;
  #root = 0;
  #freelist: number | undefined;
  #window = Buffer.alloc(0);
  #windowAt = 0;

  private constructor(file: FileHandle, length: number) {
    this.#file = file;
    this.#length = length;
  }

  /** `length` leaves out what may follow the bbolt file, such as a checksum. */
  static async open(file: FileHandle, length: number): Promise<BoltReader> {
    const reader = new BoltReader(file, length);
    await reader.#readMeta();
    return reader;
  }

  /** The size of what is in use, by the file's own account. */
  get totalBytes(): number {
    return this.#pages * this.#pageBytes;
  }

  /** Every bucket of the root with its items, in key order. */
  async *buckets(): AsyncGenerator<{ name: string; items: AsyncGenerator<BoltItem> }> {
    for await (const { key, value, isBucket } of this.#tree(this.#root)) {
      if (!isBucket) throw new BoltError('the root holds something that is not a bucket');
      yield { name: key.toString('latin1'), items: this.#bucket(value) };
    }
  }

  /** To be called once all buckets have been read: every page must be accounted for. */
  async checkPages(): Promise<void> {
    this.#claim(0, 0);
    this.#claim(1, 0);
    if (this.#freelist !== undefined) {
      const page = await this.#page(this.#freelist);
      if ((page.flags & pageFlags.freelist) === 0)
        throw new BoltError('the list of free pages is not one');
      for (const id of freePages(page)) this.#claim(id, 0);
      if (this.#seen.size !== this.#pages) {
        throw new BoltError(`${this.#pages - this.#seen.size} pages are neither used nor free`);
      }
    }
  }

  async *#bucket(value: Buffer): AsyncGenerator<BoltItem> {
    if (value.length < bucketHeaderBytes) throw new BoltError('a bucket is cut off');
    const root = safe(value.readBigUInt64LE(0));
    const elements =
      root === 0 ? inlineElements(value.subarray(bucketHeaderBytes)) : this.#tree(root);
    for await (const { key, value: item, isBucket } of elements) {
      if (isBucket) throw new BoltError('a bucket holds another');
      yield { key, value: item };
    }
  }

  /** The elements of a tree in order, checking that they are in order. */
  async *#tree(root: number): AsyncGenerator<LeafElement> {
    let last: Buffer | undefined;
    for await (const element of this.#walk(root, 0)) {
      if (element.key.length === 0) throw new BoltError('a key is empty');
      if (last && Buffer.compare(last, element.key) >= 0)
        throw new BoltError('keys are out of order');
      last = element.key;
      yield element;
    }
  }

  async *#walk(id: number, depth: number): AsyncGenerator<LeafElement> {
    if (depth > deepest) throw new BoltError('a tree is too deep');
    const page = await this.#page(id);
    if (page.flags & pageFlags.leaf) yield* leafElements(page);
    else if (page.flags & pageFlags.branch) {
      for (const child of branchChildren(page)) yield* this.#walk(child, depth + 1);
    } else throw new BoltError(`page ${id} is neither leaf nor branch`);
  }

  async #page(id: number): Promise<Page> {
    if (id < 2 || id >= this.#pages) throw new BoltError(`page ${id} does not exist`);
    const head = readHeader(await this.#read(id * this.#pageBytes, this.#pageBytes));
    if (head.id !== id) throw new BoltError(`page ${id} says it is page ${head.id}`);
    if (id + head.overflow >= this.#pages) throw new BoltError(`page ${id} is cut off`);
    this.#claim(id, head.overflow);
    if (head.overflow === 0) return head;
    const bytes = await this.#read(id * this.#pageBytes, (head.overflow + 1) * this.#pageBytes);
    return { ...head, bytes };
  }

  #claim(id: number, overflow: number): void {
    for (let page = id; page <= id + overflow; page++) {
      if (this.#seen.has(page)) throw new BoltError(`page ${page} is used twice`);
      this.#seen.add(page);
    }
  }

  async #read(at: number, length: number): Promise<Buffer> {
    if (at + length > this.#length) throw new BoltError('the file is cut off');
    if (at < this.#windowAt || at + length > this.#windowAt + this.#window.length) {
      const window = Buffer.allocUnsafeSlow(
        Math.min(Math.max(windowBytes, length), this.#length - at),
      );
      const { bytesRead } = await this.#file.read(window, 0, window.length, at);
      if (bytesRead < length) throw new BoltError('the file is cut off');
      this.#window = window.subarray(0, bytesRead);
      this.#windowAt = at;
    }
    return this.#window.subarray(at - this.#windowAt, at - this.#windowAt + length);
  }

  async #readMeta(): Promise<void> {
    const size = await this.#findPageSize();
    const metas = await Promise.all([this.#meta(0), this.#meta(size)]);
    const meta = metas
      .filter((one) => one !== undefined)
      .sort((a, b) => Number(b.transaction - a.transaction))[0];
    if (!meta) throw new BoltError('neither of its two headers is intact');
    this.#pageBytes = meta.pageBytes;
    this.#pages = meta.pages;
    this.#root = meta.root;
    this.#freelist = meta.freelist;
    if (this.totalBytes > this.#length) throw new BoltError('the file is cut off');
  }

  /** The first header tells; if it is damaged, the second one is looked for. */
  async #findPageSize(): Promise<number> {
    const first = await this.#meta(0);
    if (first) return first.pageBytes;
    for (let size = 1024; size <= 16 * 1024 * 1024 && size < this.#length; size *= 2) {
      const second = await this.#meta(size);
      if (second?.pageBytes === size) return size;
    }
    throw new BoltError('it is not a bbolt file');
  }

  async #meta(at: number): Promise<Meta | undefined> {
    if (at + pageHeaderBytes + metaBytes > this.#length) return undefined;
    const bytes = (await this.#read(at, pageHeaderBytes + metaBytes)).subarray(pageHeaderBytes);
    if (bytes.readUInt32LE(0) !== magic || bytes.readUInt32LE(4) !== formatVersion)
      return undefined;
    if (bytes.readBigUInt64LE(metaChecksumAt) !== fnv1a(bytes.subarray(0, metaChecksumAt))) {
      return undefined;
    }
    const freelist = bytes.readBigUInt64LE(32);
    return {
      pageBytes: bytes.readUInt32LE(8),
      root: safe(bytes.readBigUInt64LE(16)),
      freelist: freelist === noFreelist ? undefined : safe(freelist),
      pages: safe(bytes.readBigUInt64LE(40)),
      transaction: bytes.readBigUInt64LE(48),
    };
  }
}

interface Meta {
  readonly pageBytes: number;
  readonly root: number;
  readonly freelist: number | undefined;
  readonly pages: number;
  readonly transaction: bigint;
}

interface LeafElement extends BoltItem {
  readonly isBucket: boolean;
}

function readHeader(bytes: Buffer): Page {
  return {
    id: safe(bytes.readBigUInt64LE(0)),
    flags: bytes.readUInt16LE(8),
    count: bytes.readUInt16LE(10),
    overflow: bytes.readUInt32LE(12),
    bytes,
  };
}

function* leafElements({ id, count, bytes }: Page): Generator<LeafElement> {
  for (let i = 0; i < count; i++) {
    const element = pageHeaderBytes + i * elementBytes;
    if (element + elementBytes > bytes.length) throw new BoltError(`page ${id} is cut off`);
    const keyAt = element + bytes.readUInt32LE(element + 4);
    const valueAt = keyAt + bytes.readUInt32LE(element + 8);
    const end = valueAt + bytes.readUInt32LE(element + 12);
    if (end > bytes.length) throw new BoltError(`an element of page ${id} is cut off`);
    yield {
      isBucket: (bytes.readUInt32LE(element) & bucketElement) !== 0,
      key: bytes.subarray(keyAt, valueAt),
      value: bytes.subarray(valueAt, end),
    };
  }
}

async function* inlineElements(bytes: Buffer): AsyncGenerator<LeafElement> {
  if (bytes.length < pageHeaderBytes) throw new BoltError('a bucket is cut off');
  yield* leafElements(readHeader(bytes));
}

function* branchChildren({ id, count, bytes }: Page): Generator<number> {
  for (let i = 0; i < count; i++) {
    const element = pageHeaderBytes + i * elementBytes;
    if (element + elementBytes > bytes.length) throw new BoltError(`page ${id} is cut off`);
    yield safe(bytes.readBigUInt64LE(element + 8));
  }
}

function* freePages({ count, bytes, id }: Page): Generator<number> {
  const isLong = count === 0xffff;
  const total = isLong ? safe(bytes.readBigUInt64LE(pageHeaderBytes)) : count;
  const first = pageHeaderBytes + (isLong ? 8 : 0);
  if (first + total * 8 > bytes.length) throw new BoltError(`page ${id} is cut off`);
  for (let i = 0; i < total; i++) yield safe(bytes.readBigUInt64LE(first + i * 8));
}

function safe(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new BoltError('a number in it is impossible');
  return Number(value);
}
