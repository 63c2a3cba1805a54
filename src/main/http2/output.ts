import type { Socket } from 'node:net';
import { frameHeaderBytes, writeFrameHead } from '#main/http2/frames.ts';

const leastBytes = 16 * 1024;
/** Larger buffers, for once needed, are not kept. */
const mostKeptBytes = 512 * 1024;
const mostKept = 16;
/** Buffers that no connection uses: a large one costs more to make than to fill. */
const spare: Buffer[] = [];

/**
 * What a connection has to say: all that a turn of the event loop produces leaves in one write, and
 * while that is under way, what comes meanwhile in the next.
 */
export class Output {
  readonly #socket: Socket;
  readonly #written: () => void;
  #bytes: Buffer | undefined;
  #length = 0;
  /** What the last write had: about what the next one will have. */
  #usualLength = 0;
  #isScheduled = false;
  #inFlightBytes = 0;

  /** `written` is called whenever the socket has taken what it was given. */
  constructor(socket: Socket, written: () => void) {
    this.#socket = socket;
    this.#written = written;
  }

  /** What the socket has not taken yet. */
  get pendingBytes(): number {
    return this.#length + this.#inFlightBytes;
  }

  /** Appends a frame; the payload is copied. */
  frame(type: number, flagBits: number, streamId: number, payload: Uint8Array): void {
    const { length } = payload;
    const bytes = this.#reserve(frameHeaderBytes + length);
    const at = writeFrameHead(bytes, this.#length, { length, type, flags: flagBits, streamId });
    bytes.set(payload, at);
    this.#length = at + length;
    if (this.#isScheduled || this.#inFlightBytes > 0) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.flush();
    });
  }

  flush(): void {
    const bytes = this.#bytes;
    if (!bytes || this.#length === 0 || this.#socket.destroyed) return;
    const whole = bytes.subarray(0, this.#length);
    this.#inFlightBytes += whole.length;
    this.#usualLength = whole.length;
    this.#bytes = undefined;
    this.#length = 0;
    this.#socket.write(whole, (error) => {
      if (error) return; // the socket's close tells
      this.#inFlightBytes -= whole.length;
      release(bytes);
      if (this.#inFlightBytes > 0) return;
      this.#written();
      this.flush();
    });
  }

  #reserve(more: number): Buffer {
    const needed = this.#length + more;
    const bytes = (this.#bytes ??= acquire(Math.max(needed, this.#usualLength)));
    if (needed <= bytes.length) return bytes;
    const larger = acquire(Math.max(needed, bytes.length * 2));
    larger.set(bytes.subarray(0, this.#length));
    release(bytes);
    return (this.#bytes = larger);
  }
}

function acquire(bytes: number): Buffer {
  const index = spare.findLastIndex(({ length }) => length >= bytes);
  if (index >= 0) return spare.splice(index, 1)[0]!;
  return Buffer.allocUnsafeSlow(Math.max(bytes, leastBytes));
}

function release(bytes: Buffer): void {
  if (bytes.length <= mostKeptBytes && spare.length < mostKept) spare.push(bytes);
}
