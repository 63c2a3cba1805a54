import { Duplex } from 'node:stream';
import { frameTypes, type FrameType } from '#agent/tunnel/frames.ts';

/** How much may be on its way, unread, on one stream. */
export const windowBytes = 1 << 20;
const chunkBytes = 32 * 1024;
const creditBytes = windowBytes / 4;

/** What a stream needs of the tunnel that carries it. */
export interface Carrier {
  send(type: FrameType, stream: number, payload?: Buffer): void;
  /** Resolves when the way is free again; undefined while it is. */
  congestion(): Promise<void> | undefined;
  forget(stream: number): void;
}

/**
 * One stream of a tunnel. Its reader's pace reaches the writer at the other end: no stream fills
 * memory, and none that stands still stops the others.
 */
export class TunnelStream extends Duplex {
  readonly id: number;
  readonly #carrier: Carrier;
  #mayBeSent = windowBytes;
  #unacknowledged = 0;
  #pending: { chunk: Buffer; done: (error?: Error | null) => void } | undefined;
  #isSending = false;
  #isEndedHere = false;
  #isEndedThere = false;

  constructor(id: number, carrier: Carrier) {
    super({ readableHighWaterMark: creditBytes, writableHighWaterMark: chunkBytes });
    this.id = id;
    this.#carrier = carrier;
  }

  /** From the other end. */
  receive(payload: Buffer): void {
    this.#unacknowledged += payload.length;
    if (this.push(payload)) this.#acknowledge();
  }

  receiveEnd(): void {
    this.#isEndedThere = true;
    this.push(null);
  }

  receiveReset(why: string): void {
    this.#isEndedHere = true;
    this.#isEndedThere = true;
    this.destroy(new Error(why));
  }

  receiveCredit(bytes: number): void {
    this.#mayBeSent += bytes;
    void this.#sendPending();
  }

  override _read(): void {
    this.#acknowledge();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#pending = { chunk, done };
    void this.#sendPending();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#isEndedHere = true;
    this.#carrier.send(frameTypes.end, this.id);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#isEndedHere || !this.#isEndedThere)
      this.#carrier.send(frameTypes.reset, this.id, Buffer.from(error?.message ?? ''));
    this.#carrier.forget(this.id);
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.done(error ?? new Error('The stream was closed'));
    done(error);
  }

  #acknowledge(): void {
    if (this.#unacknowledged < creditBytes || this.#isEndedThere) return;
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(this.#unacknowledged);
    this.#unacknowledged = 0;
    this.#carrier.send(frameTypes.credit, this.id, payload);
  }

  /** In pieces, so that others get their turn between them. */
  async #sendPending(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    while (this.#pending && this.#mayBeSent > 0) {
      const { chunk, done } = this.#pending;
      const piece = chunk.subarray(0, Math.min(chunkBytes, this.#mayBeSent));
      this.#mayBeSent -= piece.length;
      this.#carrier.send(frameTypes.data, this.id, piece);
      if (piece.length < chunk.length)
        this.#pending = { chunk: chunk.subarray(piece.length), done };
      else this.#pending = undefined;
      await this.#carrier.congestion();
      if (piece.length === chunk.length) done();
    }
    this.#isSending = false;
  }
}
