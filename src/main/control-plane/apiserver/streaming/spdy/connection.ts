import type { Duplex } from 'node:stream';
import {
  controlFrame,
  dataFrame,
  fields,
  finFlag,
  FrameParser,
  frameTypes,
  streamOf,
  type Frame,
} from '#main/control-plane/apiserver/streaming/spdy/frames.ts';
import {
  HeaderReader,
  HeaderWriter,
  type SpdyHeaders,
} from '#main/control-plane/apiserver/streaming/spdy/header-block.ts';
import {
  SpdyStream,
  type StreamWire,
} from '#main/control-plane/apiserver/streaming/spdy/stream.ts';

export interface SpdyOptions {
  readonly role: 'client' | 'server';
  readonly socket: Duplex;
  /** What came right behind the upgrade. */
  readonly head?: Uint8Array;
  /** The other side opened a stream. */
  readonly accept?: (stream: SpdyStream) => void;
}

const cancelled = 5;
const goingAwayNormally = 0;
const streamFields = 10;
const replyFields = 4;

/**
 * SPDY/3.1 over a connection, as Kubernetes uses it: streams with headers, half-closed one by one.
 * There are no windows: who reads slowly holds up the connection, as with upstream's own library.
 */
export class SpdyConnection {
  /** Resolves when the connection is over; rejects if it broke. */
  readonly closed: Promise<void>;
  readonly #socket: Duplex;
  readonly #accept: ((stream: SpdyStream) => void) | undefined;
  readonly #streams = new Map<number, SpdyStream>();
  readonly #replies = new Map<number, PromiseWithResolvers<void>>();
  readonly #writer = new HeaderWriter();
  readonly #reader = new HeaderReader();
  readonly #wire: StreamWire;
  readonly #ownParity: number;
  #nextStream: number;
  #lastAccepted = 0;
  #ended: Error | undefined;

  constructor({ role, socket, head, accept }: SpdyOptions) {
    this.#socket = socket;
    this.#accept = accept;
    this.#nextStream = role === 'client' ? 1 : 2;
    this.#ownParity = this.#nextStream % 2;
    this.#wire = {
      data: (stream, chunk, isLast, done) => this.#send(dataFrame(stream, chunk, isLast), done),
      reset: (stream) => this.#send(controlFrame(frameTypes.rstStream, fields(stream, cancelled))),
      ended: (stream) => void this.#streams.delete(stream),
    };
    this.closed = this.#run(head);
    this.closed.catch(() => {}); // who wants to know awaits it
  }

  /** Opens a stream; resolves once the other side agreed to it. */
  async open(headers: SpdyHeaders): Promise<SpdyStream> {
    if (this.#ended) throw this.#ended;
    const id = this.#nextStream;
    this.#nextStream += 2;
    const stream = new SpdyStream(id, headers, this.#wire);
    const reply = Promise.withResolvers<void>();
    this.#streams.set(id, stream);
    this.#replies.set(id, reply);
    const body = Buffer.concat([fields(id, 0), Buffer.alloc(2), this.#writer.block(headers)]);
    this.#send(controlFrame(frameTypes.synStream, body));
    await reply.promise;
    return stream;
  }

  /** Says that no more streams will come, and ends. */
  close(): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    const goAway = fields(this.#lastAccepted, goingAwayNormally);
    this.#socket.end(controlFrame(frameTypes.goAway, goAway));
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async #run(head: Uint8Array | undefined): Promise<void> {
    const parser = new FrameParser();
    let failure: Error | undefined;
    try {
      if (head && head.length > 0) await this.#take(parser, Buffer.from(head));
      const chunks = this.#socket.iterator({ destroyOnReturn: false });
      for await (const chunk of chunks) await this.#take(parser, chunk as Buffer);
    } catch (error) {
      failure = error as Error;
      throw error;
    } finally {
      this.#end(failure);
    }
  }

  #end(failure: Error | undefined): void {
    this.#reader[Symbol.dispose]();
    const error = failure ?? new Error('The connection was closed before the stream was over');
    this.#ended = error;
    for (const { reject } of this.#replies.values()) reject(error);
    this.#replies.clear();
    for (const stream of this.#streams.values()) stream.lose(error);
    this.#streams.clear();
    this.#socket.on('error', () => {});
    this.#socket.destroy();
  }

  async #take(parser: FrameParser, chunk: Buffer): Promise<void> {
    for (const frame of parser.feed(chunk)) await this.#handle(frame);
  }

  async #handle(frame: Frame): Promise<void> {
    if (!frame.isControl) {
      await this.#streams.get(frame.stream)?.receive(frame.data, frame.isLast);
      return;
    }
    const { type, flags, body } = frame;
    const isLast = (flags & finFlag) !== 0;
    if (type === frameTypes.synStream) await this.#accepted(body, isLast);
    else if (type === frameTypes.synReply) await this.#replied(body, isLast);
    else if (type === frameTypes.headers) await this.#reader.read(body.subarray(replyFields));
    else if (type === frameTypes.rstStream) this.#abandoned(streamOf(body));
    else if (type === frameTypes.ping && streamOf(body) % 2 !== this.#ownParity) {
      this.#send(controlFrame(type, body));
    }
    // The rest (settings, windows, going away) changes nothing: all streams stay as they are.
  }

  async #accepted(body: Buffer, isLast: boolean): Promise<void> {
    const id = streamOf(body);
    const headers = await this.#reader.read(body.subarray(streamFields));
    const stream = new SpdyStream(id, headers, this.#wire);
    this.#lastAccepted = id;
    if (!this.#accept) {
      stream.destroy();
      return;
    }
    this.#streams.set(id, stream);
    this.#send(
      controlFrame(frameTypes.synReply, Buffer.concat([fields(id), this.#writer.block({})])),
    );
    this.#accept(stream);
    if (isLast) await stream.receive(Buffer.alloc(0), true);
  }

  async #replied(body: Buffer, isLast: boolean): Promise<void> {
    const id = streamOf(body);
    await this.#reader.read(body.subarray(replyFields));
    this.#replies.get(id)?.resolve();
    this.#replies.delete(id);
    if (isLast) await this.#streams.get(id)?.receive(Buffer.alloc(0), true);
  }

  #abandoned(id: number): void {
    this.#replies.get(id)?.reject(new Error('The other side refused a stream'));
    this.#replies.delete(id);
    this.#streams.get(id)?.reset();
  }

  #send(frame: Buffer, done: () => void = () => {}): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) done();
    else this.#socket.write(frame, () => done());
  }
}
