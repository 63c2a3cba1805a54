import { ConnectionError, errorCodes, flags, unpad } from '#main/http2/frames.ts';
import { HpackReader } from '#main/http2/hpack/reader.ts';
import { RequestHead } from '#main/http2/request-head.ts';

export interface HeaderBlock {
  readonly streamId: number;
  /** Nothing follows it. */
  readonly isLast: boolean;
  readonly head: RequestHead;
}

/** A block that is longer is not even read, so that the connection cannot go on. */
const mostBlockBytes = 256 * 1024;
const mostContinuations = 64;
const priorityBytes = 5;

/** Header blocks of one connection, which may come in several frames. */
export class HeaderBlocks {
  readonly #reader = new HpackReader();
  readonly #mostListBytes: number;
  #open:
    | { readonly streamId: number; readonly isLast: boolean; readonly parts: Buffer[] }
    | undefined;
  #openBytes = 0;

  constructor(mostListBytes: number) {
    this.#mostListBytes = mostListBytes;
  }

  /** Whether a block has begun that is not complete yet. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** Takes a headers frame; the block, if that is all of it. */
  begin(flagBits: number, streamId: number, payload: Buffer): HeaderBlock | undefined {
    let fragment = unpad(flagBits, payload);
    if (flagBits & flags.priority) {
      if (fragment.length < priorityBytes || (fragment.readUInt32BE(0) & 0x7fffffff) === streamId) {
        throw new ConnectionError(errorCodes.protocol, 'A stream has an impossible priority');
      }
      fragment = fragment.subarray(priorityBytes);
    }
    const isLast = (flagBits & flags.endStream) !== 0;
    if (flagBits & flags.endHeaders) return this.#read(fragment, { streamId, isLast });
    this.#open = { streamId, isLast, parts: [Buffer.from(fragment)] };
    this.#openBytes = fragment.length;
    return undefined;
  }

  /** Takes a continuation frame. */
  goOn(flagBits: number, streamId: number, payload: Buffer): HeaderBlock | undefined {
    const open = this.#open;
    if (open?.streamId !== streamId) {
      throw new ConnectionError(errorCodes.protocol, 'A header block goes on that has not begun');
    }
    open.parts.push(Buffer.from(payload));
    this.#openBytes += payload.length;
    if (this.#openBytes > mostBlockBytes || open.parts.length > mostContinuations) {
      throw new ConnectionError(errorCodes.enhanceYourCalm, 'A header block is too long');
    }
    if (!(flagBits & flags.endHeaders)) return undefined;
    this.#open = undefined;
    return this.#read(Buffer.concat(open.parts), open);
  }

  #read(block: Buffer, { streamId, isLast }: { streamId: number; isLast: boolean }): HeaderBlock {
    const head = new RequestHead(this.#mostListBytes);
    try {
      this.#reader.read(block, (name, value) => head.receive(name, value));
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new ConnectionError(errorCodes.compression, why, { cause });
    }
    return { streamId, isLast, head };
  }
}
