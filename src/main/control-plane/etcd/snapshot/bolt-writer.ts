import {
  bucketElement,
  bucketHeaderBytes,
  elementBytes,
  fnv1a,
  formatVersion,
  magic,
  metaBytes,
  metaChecksumAt,
  pageBytes,
  pageFlags,
  pageHeaderBytes,
} from './bolt-format.ts';

/** What a bucket holds: `count` items in key order, which are written where they are told. */
export interface BucketSource {
  readonly name: string;
  readonly count: number;
  readonly keyLength: (index: number) => number;
  readonly valueLength: (index: number) => number;
  readonly writeKey: (index: number, target: Buffer, at: number) => void;
  readonly writeValue: (index: number, target: Buffer, at: number) => void;
}

interface PageRun {
  readonly id: number;
  readonly first: number;
  readonly end: number;
  /** In bytes, a multiple of the page size. */
  readonly bytes: number;
  /** For a branch: what its elements point at. */
  readonly children: readonly PageRun[] | undefined;
  /** The item whose key is the least below. */
  readonly leastItem: number;
}

interface BucketPlan {
  readonly source: BucketSource;
  /** In the order of their ids; the last one is the root. */
  readonly runs: readonly PageRun[];
}

const freelistPage = 2;
const rootPage = 3;
const chunkBytes = 256 * 1024;
const leafBytes = 8 * pageBytes;

/** A bbolt file that is written front to back, its size known from the start. */
export class BoltFile {
  readonly #plans: readonly BucketPlan[];
  readonly #pages: number;

  /** Buckets sorted by name; the names and headers must fit one page. */
  constructor(sources: readonly BucketSource[]) {
    let next = rootPage + 1;
    this.#plans = sources.map((source) => {
      const runs = plan(source, next);
      const last = runs.at(-1)!;
      next = last.id + last.bytes / pageBytes;
      return { source, runs };
    });
    this.#pages = next;
  }

  get totalBytes(): number {
    return this.#pages * pageBytes;
  }

  *chunks(): Generator<Buffer> {
    yield this.#front();
    for (const { source, runs } of this.#plans) {
      let batch: PageRun[] = [];
      let bytes = 0;
      for (const run of runs) {
        batch.push(run);
        bytes += run.bytes;
        if (bytes < chunkBytes) continue;
        yield render(source, batch, bytes);
        batch = [];
        bytes = 0;
      }
      if (bytes > 0) yield render(source, batch, bytes);
    }
  }

  /** Both meta pages, an empty freelist and the list of buckets. */
  #front(): Buffer {
    const front = Buffer.alloc((rootPage + 1) * pageBytes);
    for (const id of [0, 1]) this.#writeMeta(front, id);
    writePageHeader(front, freelistPage * pageBytes, {
      id: freelistPage,
      flags: pageFlags.freelist,
      count: 0,
      overflow: 0,
    });
    const base = rootPage * pageBytes;
    const count = this.#plans.length;
    writePageHeader(front, base, { id: rootPage, flags: pageFlags.leaf, count, overflow: 0 });
    let data = base + pageHeaderBytes + count * elementBytes;
    for (const [index, { source, runs }] of this.#plans.entries()) {
      const element = base + pageHeaderBytes + index * elementBytes;
      front.writeUInt32LE(bucketElement, element);
      front.writeUInt32LE(data - element, element + 4);
      front.writeUInt32LE(source.name.length, element + 8);
      front.writeUInt32LE(bucketHeaderBytes, element + 12);
      data += front.write(source.name, data, 'latin1');
      front.writeBigUInt64LE(BigInt(runs.at(-1)!.id), data);
      data += bucketHeaderBytes;
    }
    return front;
  }

  #writeMeta(target: Buffer, id: number): void {
    const base = id * pageBytes;
    writePageHeader(target, base, { id, flags: pageFlags.meta, count: 0, overflow: 0 });
    const at = base + pageHeaderBytes;
    target.writeUInt32LE(magic, at);
    target.writeUInt32LE(formatVersion, at + 4);
    target.writeUInt32LE(pageBytes, at + 8);
    target.writeBigUInt64LE(BigInt(rootPage), at + 16);
    target.writeBigUInt64LE(BigInt(freelistPage), at + 32);
    target.writeBigUInt64LE(BigInt(this.#pages), at + 40);
    // The higher transaction number says which of the two counts.
    target.writeBigUInt64LE(BigInt(id === 0 ? 2 : 1), at + 48);
    const checksum = fnv1a(target.subarray(at, at + metaChecksumAt));
    target.writeBigUInt64LE(checksum, at + metaBytes - 8);
  }
}

/** Leaves first, then level by level the branches above them, until there is only one. */
function plan(source: BucketSource, firstId: number): PageRun[] {
  const runs = planLeaves(source, firstId);
  let level: PageRun[] = runs;
  let next = firstId + runs.reduce((pages, { bytes }) => pages + bytes / pageBytes, 0);
  const all = [...runs];
  while (level.length > 1) {
    level = planBranches(source, level, next);
    next += level.length;
    for (const run of level) all.push(run);
  }
  return all;
}

function planLeaves(source: BucketSource, firstId: number): PageRun[] {
  const runs: PageRun[] = [];
  let id = firstId;
  let first = 0;
  let used = pageHeaderBytes;
  const close = (end: number): void => {
    const bytes = Math.ceil(used / pageBytes) * pageBytes;
    runs.push({ id, first, end, bytes, children: undefined, leastItem: first });
    id += bytes / pageBytes;
    first = end;
    used = pageHeaderBytes;
  };
  for (let i = 0; i < source.count; i++) {
    const size = elementBytes + source.keyLength(i) + source.valueLength(i);
    // Leaves of several pages waste less on values that do not go well into one.
    if (i > first && used + size > leafBytes) close(i);
    used += size;
  }
  close(source.count);
  return runs;
}

function planBranches(source: BucketSource, level: readonly PageRun[], firstId: number): PageRun[] {
  const runs: PageRun[] = [];
  let first = 0;
  let used = pageHeaderBytes;
  const close = (end: number): void => {
    const children = level.slice(first, end);
    const { leastItem } = children[0]!;
    runs.push({ id: firstId + runs.length, first, end, bytes: pageBytes, children, leastItem });
    first = end;
    used = pageHeaderBytes;
  };
  for (const [index, { leastItem }] of level.entries()) {
    const size = elementBytes + source.keyLength(leastItem);
    if (used + size > pageBytes) close(index);
    used += size;
  }
  close(level.length);
  return runs;
}

function render(source: BucketSource, runs: readonly PageRun[], bytes: number): Buffer {
  const target = Buffer.alloc(bytes);
  let base = 0;
  for (const run of runs) {
    if (run.children) renderBranch(source, run.children, { run, target, base });
    else renderLeaf(source, { run, target, base });
    base += run.bytes;
  }
  return target;
}

interface Rendering {
  readonly run: PageRun;
  readonly target: Buffer;
  readonly base: number;
}

function renderLeaf(source: BucketSource, { run, target, base }: Rendering): void {
  const count = run.end - run.first;
  const overflow = run.bytes / pageBytes - 1;
  writePageHeader(target, base, { id: run.id, flags: pageFlags.leaf, count, overflow });
  let data = base + pageHeaderBytes + count * elementBytes;
  for (let i = run.first; i < run.end; i++) {
    const element = base + pageHeaderBytes + (i - run.first) * elementBytes;
    const keyLength = source.keyLength(i);
    const valueLength = source.valueLength(i);
    target.writeUInt32LE(data - element, element + 4);
    target.writeUInt32LE(keyLength, element + 8);
    target.writeUInt32LE(valueLength, element + 12);
    source.writeKey(i, target, data);
    source.writeValue(i, target, data + keyLength);
    data += keyLength + valueLength;
  }
}

function renderBranch(
  source: BucketSource,
  children: readonly PageRun[],
  { run, target, base }: Rendering,
): void {
  const count = children.length;
  writePageHeader(target, base, { id: run.id, flags: pageFlags.branch, count, overflow: 0 });
  let data = base + pageHeaderBytes + count * elementBytes;
  for (const [index, child] of children.entries()) {
    const element = base + pageHeaderBytes + index * elementBytes;
    const keyLength = source.keyLength(child.leastItem);
    target.writeUInt32LE(data - element, element);
    target.writeUInt32LE(keyLength, element + 4);
    target.writeBigUInt64LE(BigInt(child.id), element + 8);
    source.writeKey(child.leastItem, target, data);
    data += keyLength;
  }
}

function writePageHeader(
  target: Buffer,
  at: number,
  page: { id: number; flags: number; count: number; overflow: number },
): void {
  target.writeBigUInt64LE(BigInt(page.id), at);
  target.writeUInt16LE(page.flags, at + 8);
  target.writeUInt16LE(page.count, at + 10);
  target.writeUInt32LE(page.overflow, at + 12);
}
