import { constants, createInflate, type Inflate } from 'node:zlib';
import { headerDictionary } from '#main/control-plane/apiserver/streaming/spdy/dictionary.ts';

/** Lower-case names; several values of one name are told apart by zero bytes. */
export type SpdyHeaders = Readonly<Record<string, string>>;

const zlibHeader = Buffer.from([0x78, 0x01]);
const longestStored = 0xffff;
/** An empty stored block: whoever reads flushes what came before it. */
const flush = Buffer.from([0, 0, 0, 0xff, 0xff]);
const mostHeaderBytes = 1024 * 1024;

/**
 * Writes header blocks as one zlib stream over all frames of a connection. They are few and small,
 * so that they go uncompressed, in stored blocks: any inflater reads them, and nothing is kept.
 */
export class HeaderWriter {
  #hasBegun = false;

  block(headers: SpdyHeaders): Buffer {
    const parts: Buffer[] = this.#hasBegun ? [] : [zlibHeader];
    this.#hasBegun = true;
    const bytes = encodeHeaders(headers);
    for (let at = 0; at < bytes.length; at += longestStored) {
      const chunk = bytes.subarray(at, at + longestStored);
      const head = Buffer.alloc(5);
      head.writeUInt16LE(chunk.length, 1);
      head.writeUInt16LE(~chunk.length & 0xffff, 3);
      parts.push(head, chunk);
    }
    return Buffer.concat([...parts, flush]);
  }
}

/** Reads the header blocks of a connection's frames, in their order. */
export class HeaderReader implements Disposable {
  readonly #inflate: Inflate = createInflate({
    dictionary: headerDictionary,
    flush: constants.Z_SYNC_FLUSH,
  });
  #chunks: Buffer[] = [];
  #failure: Error | undefined;

  constructor() {
    this.#inflate.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
    this.#inflate.on('error', (error) => (this.#failure = error));
  }

  async read(block: Buffer): Promise<SpdyHeaders> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#inflate.write(block, (error) => (error ? reject(error) : resolve()));
    await promise;
    if (this.#failure) throw this.#failure;
    const bytes = Buffer.concat(this.#chunks);
    this.#chunks = [];
    return decodeHeaders(bytes);
  }

  [Symbol.dispose](): void {
    this.#inflate.destroy();
  }
}

function encodeHeaders(headers: SpdyHeaders): Buffer {
  const texts = Object.entries(headers).flat();
  const parts = [uint32(texts.length / 2)];
  for (const text of texts) {
    const bytes = Buffer.from(text);
    parts.push(uint32(bytes.length), bytes);
  }
  return Buffer.concat(parts);
}

function decodeHeaders(bytes: Buffer): SpdyHeaders {
  if (bytes.length > mostHeaderBytes) throw new Error('SPDY: the headers are too long');
  let at = 0;
  const number = (): number => {
    if (at + 4 > bytes.length) throw new Error('SPDY: a header block is cut off');
    at += 4;
    return bytes.readUInt32BE(at - 4);
  };
  const text = (): string => {
    const length = number();
    if (at + length > bytes.length) throw new Error('SPDY: a header block is cut off');
    at += length;
    return bytes.toString('utf8', at - length, at);
  };
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  const count = number();
  for (let index = 0; index < count; index++) {
    const name = text().toLowerCase();
    headers[name] = text();
  }
  return headers;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
