import { Duplex } from 'node:stream';
import type { SpdyHeaders } from '#main/control-plane/apiserver/streaming/spdy/header-block.ts';

/** What a stream needs of its connection. */
export interface StreamWire {
  data(stream: number, chunk: Uint8Array, isLast: boolean, done: () => void): void;
  reset(stream: number): void;
  ended(stream: number): void;
}

/** One of the streams of a SPDY connection; ending it leaves the other direction open. */
export class SpdyStream extends Duplex {
  readonly id: number;
  /** What it was opened with. */
  readonly headers: SpdyHeaders;
  readonly #wire: StreamWire;
  #hasRoom: (() => void) | undefined;
  #isRemoteOver = false;
  #isReset = false;

  constructor(id: number, headers: SpdyHeaders, wire: StreamWire) {
    super({ allowHalfOpen: true });
    this.id = id;
    this.headers = headers;
    this.#wire = wire;
    // A stream that breaks off ends; the reason is the connection's, which tells it to its owner.
    this.on('error', () => {});
  }

  /** Takes what came; resolves when there is room for more. */
  receive(chunk: Buffer, isLast: boolean): Promise<void> | undefined {
    if (this.destroyed || this.#isRemoteOver) return undefined;
    const hasRoom = chunk.length === 0 || this.push(chunk);
    if (isLast) {
      this.#isRemoteOver = true;
      this.push(null);
      return undefined;
    }
    if (hasRoom) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#hasRoom = resolve;
    return promise;
  }

  /** The other side is done with the stream: what came can still be read, nothing goes back. */
  reset(): void {
    this.#isReset = true;
    if (this.destroyed) return;
    if (!this.#isRemoteOver) this.push(null);
    this.#isRemoteOver = true;
    this.end();
  }

  /** The connection is over: what came whole can still be read. */
  lose(error: Error): void {
    this.#isReset = true;
    if (this.#isRemoteOver) this.end();
    else this.destroy(error);
  }

  override _read(): void {
    this.#release();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#isReset) done();
    else this.#wire.data(this.id, chunk, false, done);
  }

  override _final(done: () => void): void {
    if (this.#isReset) done();
    else this.#wire.data(this.id, Buffer.alloc(0), true, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const isOver = this.#isRemoteOver && this.writableFinished;
    if (!isOver && !this.#isReset) this.#wire.reset(this.id);
    this.#wire.ended(this.id);
    this.#release();
    done(error);
  }

  #release(): void {
    const release = this.#hasRoom;
    this.#hasRoom = undefined;
    release?.();
  }
}
