import type { Duplex } from 'node:stream';
import { encodeFrame, FrameDecoder, frameTypes, type Frame } from '#agent/tunnel/frames.ts';
import { TunnelStream, type Carrier } from '#agent/tunnel/tunnel-stream.ts';

/** What the other end asks for: to be answered once. */
export interface StreamRequest {
  /** As it was given to `open`. */
  readonly wanted: unknown;
  accept(): Duplex;
  refuse(why: string): void;
}

export interface MultiplexerOptions {
  readonly transport: Duplex;
  /** The two ends number their streams apart. */
  readonly end: 'desktop' | 'node';
  onRequest(request: StreamRequest): void;
}

/**
 * Many streams over one, opened from either end, each with its own flow control. The transport is
 * its own from now on: disposing ends it and every stream.
 */
export class Multiplexer implements Disposable {
  /** Resolves to why, once the transport has ended. */
  readonly ended: Promise<string>;
  readonly #transport: Duplex;
  readonly #onRequest: (request: StreamRequest) => void;
  readonly #streams = new Map<number, TunnelStream>();
  readonly #opening = new Map<number, PromiseWithResolvers<void>>();
  readonly #pings = new Map<number, () => void>();
  readonly #carrier: Carrier;
  #lastId: number;
  #lastPing = 0;
  #end: string | undefined;
  #drained: PromiseWithResolvers<void> | undefined;

  constructor({ transport, end, onRequest }: MultiplexerOptions) {
    this.#transport = transport;
    this.#onRequest = onRequest;
    this.#lastId = end === 'desktop' ? -1 : 0;
    this.#carrier = {
      send: (type, stream, payload = Buffer.alloc(0)) => this.#send({ type, stream, payload }),
      congestion: () => this.#drained?.promise,
      forget: (stream) => void this.#streams.delete(stream),
    };
    const ended = Promise.withResolvers<string>();
    this.ended = ended.promise;
    const decoder = new FrameDecoder();
    const finish = (why: string): void => {
      this.#finish(why);
      ended.resolve(this.#end!);
    };
    transport.on('data', (chunk: Buffer) => {
      try {
        for (const frame of decoder.decode(chunk)) this.#receive(frame);
      } catch (error) {
        finish((error as Error).message);
      }
    });
    transport.on('drain', () => this.#flow());
    transport.once('end', () => finish('the other end closed it'));
    transport.once('error', (error) => finish(error.message));
    transport.once('close', () => finish('the connection was lost'));
    transport.resume(); // whoever read the greeting has stopped it
  }

  /** Asks the other end for a stream. Throws with its reason if it refuses. */
  async open(
    wanted: unknown,
    { signal }: { signal?: AbortSignal | undefined } = {},
  ): Promise<Duplex> {
    signal?.throwIfAborted();
    if (this.#end !== undefined) throw new Error(`The tunnel has ended: ${this.#end}`);
    const id = (this.#lastId += 2);
    const stream = new TunnelStream(id, this.#carrier);
    const opening = Promise.withResolvers<void>();
    const abort = (): void => opening.reject(signal?.reason as Error);
    signal?.addEventListener('abort', abort, { once: true });
    this.#streams.set(id, stream);
    this.#opening.set(id, opening);
    this.#send({ type: frameTypes.open, stream: id, payload: Buffer.from(JSON.stringify(wanted)) });
    try {
      await opening.promise;
      return stream;
    } catch (error) {
      stream.on('error', () => {}); // it was refused: whoever asked hears of it here
      stream.destroy();
      throw error;
    } finally {
      this.#opening.delete(id);
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Resolves once the other end has answered; rejects when the tunnel ends first. */
  async ping(signal?: AbortSignal): Promise<void> {
    const number = ++this.#lastPing;
    const answered = Promise.withResolvers<void>();
    const abort = (): void => answered.reject(signal?.reason as Error);
    signal?.addEventListener('abort', abort, { once: true });
    this.#pings.set(number, answered.resolve);
    const payload = Buffer.alloc(8);
    payload.writeUInt32BE(number, 4);
    this.#send({ type: frameTypes.ping, stream: 0, payload });
    const lost = this.ended.then((why) =>
      Promise.reject(new Error(`The tunnel has ended: ${why}`)),
    );
    try {
      await Promise.race([answered.promise, lost]);
    } finally {
      this.#pings.delete(number);
      signal?.removeEventListener('abort', abort);
      lost.catch(() => {}); // only the race wanted to know
    }
  }

  [Symbol.dispose](): void {
    this.#finish('this end closed it');
  }

  #receive(frame: Frame): void {
    const { type, stream: id, payload } = frame;
    const stream = this.#streams.get(id);
    switch (type) {
      case frameTypes.open:
        return this.#request(id, payload);
      case frameTypes.accept:
        return this.#opening.get(id)?.resolve();
      case frameTypes.data:
        return stream?.receive(payload);
      case frameTypes.credit:
        return stream?.receiveCredit(payload.readUInt32BE(0));
      case frameTypes.end:
        return stream?.receiveEnd();
      case frameTypes.reset:
        return this.#reset(id, payload.toString() || 'The other end closed the stream');
      case frameTypes.ping:
        return this.#send({ ...frame, type: frameTypes.pong });
      case frameTypes.pong:
        return this.#pings.get(payload.readUInt32BE(4))?.();
    }
  }

  #request(id: number, payload: Buffer): void {
    const refuse = (why: string): void =>
      this.#send({ type: frameTypes.reset, stream: id, payload: Buffer.from(why) });
    this.#onRequest({
      wanted: JSON.parse(payload.toString()) as unknown,
      refuse,
      accept: () => {
        const stream = new TunnelStream(id, this.#carrier);
        if (this.#end === undefined) {
          this.#streams.set(id, stream);
          this.#send({ type: frameTypes.accept, stream: id, payload: Buffer.alloc(0) });
        } else stream.receiveReset(`The tunnel has ended: ${this.#end}`);
        return stream;
      },
    });
  }

  #reset(id: number, why: string): void {
    const opening = this.#opening.get(id);
    if (opening) opening.reject(new Error(why));
    else this.#streams.get(id)?.receiveReset(why);
  }

  #send(frame: Frame): void {
    if (this.#end !== undefined || this.#transport.destroyed) return;
    const isFree = this.#transport.write(encodeFrame(frame));
    if (!isFree) this.#drained ??= Promise.withResolvers();
  }

  #flow(): void {
    this.#drained?.resolve();
    this.#drained = undefined;
  }

  #finish(why: string): void {
    if (this.#end !== undefined) return;
    this.#end = why;
    this.#flow();
    const message = `The tunnel has ended: ${why}`;
    for (const opening of this.#opening.values()) opening.reject(new Error(message));
    for (const stream of this.#streams.values()) {
      if (stream.listenerCount('error') === 0) stream.on('error', () => {}); // nobody holds it yet
      stream.receiveReset(message);
    }
    this.#transport.destroy();
  }
}
