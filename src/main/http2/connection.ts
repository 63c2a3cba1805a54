import type { Socket } from 'node:net';
import { Budget } from '#main/http2/budget.ts';
import { checkFrame } from '#main/http2/check-frame.ts';
import {
  ConnectionError,
  defaultFrameBytes,
  defaultWindowBytes,
  errorCodes,
  flags,
  frameHeaderBytes,
  frameTypes,
  mostWindowBytes,
  numberPayload,
  preface,
  readSettings,
  settingIds,
  settingsPayload,
  unpad,
} from '#main/http2/frames.ts';
import { HeaderBlocks, type HeaderBlock } from '#main/http2/header-blocks.ts';
import { writeHeaders } from '#main/http2/hpack/writer.ts';
import { Output } from '#main/http2/output.ts';
import { ServerStream, type StreamHost } from '#main/http2/stream.ts';

export interface ConnectionOptions {
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  /** Streams beyond these are refused. */
  readonly maxConcurrentStreams: number;
  /**
   * How much of a request's body is read for nothing once it has been answered; then its client is
   * told to stop, which many do not expect.
   */
  readonly mostDiscardedBytes: number;
  /** Milliseconds from any start. */
  elapsed(): number;
  /** A request has begun. */
  accept(stream: ServerStream): void;
  /** The client broke the rules, so that the connection ends. */
  failed?(error: ConnectionError): void;
}

const mostHeaderListBytes = 64 * 1024;
/** From here on streams keep what they have to say. */
const enoughPendingBytes = 256 * 1024;
/** More than this waits only for a client that asks and asks and reads nothing. */
const mostPendingBytes = 8 * 1024 * 1024;
/** So that streams take turns. */
const mostDataBytes = 64 * 1024;
/** Requests taken back: as many at once as are usual when a client leaves, but not for ever. */
const resetsAtOnce = 1000;
const resetsPerSecond = 100;

const tooLarge = writeHeaders([
  [':status', 431],
  ['content-length', 0],
]);

/**
 * The server's side of one HTTP/2 connection. Written for many small answers and many watches: what a
 * turn of the event loop produces leaves in one write, and a request costs no stream object of Node's.
 */
export class ServerConnection implements StreamHost {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #output: Output;
  readonly #blocks = new HeaderBlocks(mostHeaderListBytes);
  readonly #streams = new Map<number, ServerStream>();
  /** Those for which the connection has no room, in the order in which they get some. */
  readonly #waiting = new Set<ServerStream>();
  /** Streams that have been answered, and how much more of their bodies may come. */
  readonly #discarding = new Map<number, number>();
  readonly #resets: Budget;
  #input: Buffer = Buffer.alloc(0);
  #isGreeted = false;
  #hasSettings = false;
  #lastStreamId = 0;
  #receiveWindow: number;
  #granted = 0;
  #isClosing = false;
  #isOver = false;
  #maxFrameBytes = defaultFrameBytes;
  /** How much the client still takes on the connection, and on a stream that begins. */
  sendWindow = defaultWindowBytes;
  initialSendWindow = defaultWindowBytes;
  largestData = defaultFrameBytes;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#output = new Output(socket, () => this.#offer());
    this.#resets = new Budget(resetsAtOnce, resetsPerSecond, options.elapsed);
    this.#receiveWindow = options.connectionWindowBytes;
    const settings = settingsPayload([
      [settingIds.initialWindowSize, options.streamWindowBytes],
      [settingIds.maxConcurrentStreams, options.maxConcurrentStreams],
      [settingIds.maxHeaderListSize, mostHeaderListBytes],
    ]);
    this.#send(frameTypes.settings, 0, 0, settings);
    this.#sendWindowUpdate(0, options.connectionWindowBytes - defaultWindowBytes);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('close', () => this.#close());
  }

  /** Takes no more requests; the connection ends with the last of those that are there. */
  close(): void {
    if (this.#isOver || this.#isClosing) return;
    this.#isClosing = true;
    this.#sayGoodbye(errorCodes.none);
    this.#endIfDone();
  }

  /** Ends every stream and the connection. */
  destroy(code: number = errorCodes.none): void {
    if (this.#isOver) return;
    this.#sayGoodbye(code);
    this.#output.flush();
    this.#socket.destroySoon();
    this.#close();
  }

  get isWritable(): boolean {
    return this.#output.pendingBytes < enoughPendingBytes;
  }

  sendHeaders(streamId: number, block: Buffer, isLast: boolean): void {
    const most = this.#maxFrameBytes;
    const end = isLast ? flags.endStream : 0;
    if (block.length <= most) {
      this.#send(frameTypes.headers, end | flags.endHeaders, streamId, block);
      return;
    }
    this.#send(frameTypes.headers, end, streamId, block.subarray(0, most));
    for (let at = most; at < block.length; at += most) {
      const part = block.subarray(at, at + most);
      const isEnd = at + most >= block.length;
      this.#send(frameTypes.continuation, isEnd ? flags.endHeaders : 0, streamId, part);
    }
  }

  sendData(streamId: number, data: Uint8Array, isLast: boolean): void {
    this.#send(frameTypes.data, isLast ? flags.endStream : 0, streamId, data);
  }

  sendReset(streamId: number, code: number): void {
    this.#send(frameTypes.resetStream, 0, streamId, numberPayload(code));
  }

  waitForRoom(stream: ServerStream): void {
    this.#waiting.add(stream);
  }

  grant(stream: ServerStream, bytes: number): void {
    this.#grantOnConnection(bytes);
    stream.granted += bytes;
    if (stream.granted <= this.#options.streamWindowBytes / 2 || stream.isClosed) return;
    this.#sendWindowUpdate(stream.id, stream.granted);
    stream.receiveWindow += stream.granted;
    stream.granted = 0;
  }

  answeredEarly(stream: ServerStream): void {
    const { mostDiscardedBytes, maxConcurrentStreams } = this.#options;
    if (mostDiscardedBytes === 0 || this.#discarding.size >= maxConcurrentStreams) {
      this.sendReset(stream.id, errorCodes.none);
      return;
    }
    this.#discarding.set(stream.id, mostDiscardedBytes);
    this.#sendWindowUpdate(stream.id, mostDiscardedBytes);
  }

  closed(stream: ServerStream): void {
    this.#streams.delete(stream.id);
    this.#waiting.delete(stream);
    if (this.#isClosing) this.#endIfDone();
  }

  #receive(chunk: Buffer): void {
    if (this.#isOver) return;
    let bytes = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk]);
    try {
      if (!this.#isGreeted) {
        const length = Math.min(bytes.length, preface.length);
        if (!bytes.subarray(0, length).equals(preface.subarray(0, length))) {
          throw new ConnectionError(errorCodes.protocol, 'The client does not speak HTTP/2');
        }
        if (length < preface.length) {
          this.#input = bytes;
          return;
        }
        this.#isGreeted = true;
        bytes = bytes.subarray(preface.length);
      }
      this.#input = this.#frames(bytes);
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      this.#options.failed?.(error);
      this.destroy(error.code);
    }
  }

  /** Takes whole frames off; returns what is left. */
  #frames(bytes: Buffer): Buffer {
    let at = 0;
    while (bytes.length - at >= frameHeaderBytes && !this.#isOver) {
      const length = bytes.readUIntBE(at, 3);
      if (length > defaultFrameBytes) {
        throw new ConnectionError(errorCodes.frameSize, 'A frame is too large');
      }
      const end = at + frameHeaderBytes + length;
      if (end > bytes.length) break;
      const streamId = bytes.readUInt32BE(at + 5) & 0x7fffffff;
      const payload = bytes.subarray(at + frameHeaderBytes, end);
      this.#frame(bytes[at + 3]!, bytes[at + 4]!, streamId, payload);
      at = end;
    }
    return at === bytes.length ? Buffer.alloc(0) : bytes.subarray(at);
  }

  #frame(type: number, flagBits: number, streamId: number, payload: Buffer): void {
    checkFrame(type, streamId, payload);
    if (!this.#hasSettings && type !== frameTypes.settings) {
      throw new ConnectionError(errorCodes.protocol, 'The client has not begun with its settings');
    }
    if (this.#blocks.isOpen && type !== frameTypes.continuation) {
      throw new ConnectionError(errorCodes.protocol, 'A header block is interrupted');
    }
    switch (type) {
      case frameTypes.data:
        return this.#data(flagBits, streamId, payload);
      case frameTypes.headers:
        return this.#request(this.#blocks.begin(flagBits, streamId, payload));
      case frameTypes.continuation:
        return this.#request(this.#blocks.goOn(flagBits, streamId, payload));
      case frameTypes.settings:
        return this.#settings(flagBits, payload);
      case frameTypes.windowUpdate:
        return this.#windowUpdate(streamId, payload.readUInt32BE(0) & mostWindowBytes);
      case frameTypes.ping:
        if (!(flagBits & flags.ack)) this.#send(frameTypes.ping, flags.ack, 0, payload);
        return;
      case frameTypes.resetStream:
        return this.#reset(streamId);
      default:
      // Priorities, a client's farewell, and whatever may be invented, may be ignored.
    }
  }

  #data(flagBits: number, streamId: number, payload: Buffer): void {
    this.#receiveWindow -= payload.length;
    if (this.#receiveWindow < 0) {
      throw new ConnectionError(errorCodes.flowControl, 'The client sends more than it may');
    }
    const stream = this.#known(streamId);
    if (!stream) {
      this.#grantOnConnection(payload.length);
      this.#discard(streamId, payload.length, (flagBits & flags.endStream) !== 0);
      return;
    }
    stream.receiveWindow -= payload.length;
    const data = unpad(flagBits, payload);
    if (data.length < payload.length) this.grant(stream, payload.length - data.length);
    const failure =
      stream.receiveWindow < 0
        ? errorCodes.flowControl
        : stream.receive(data, (flagBits & flags.endStream) !== 0);
    if (failure === errorCodes.none) return;
    this.#grantOnConnection(data.length);
    this.#fail(stream, failure);
  }

  #discard(streamId: number, bytes: number, isLast: boolean): void {
    const left = this.#discarding.get(streamId);
    if (left === undefined) return;
    if (!isLast && bytes < left) {
      this.#discarding.set(streamId, left - bytes);
      return;
    }
    this.#discarding.delete(streamId);
    if (!isLast) this.sendReset(streamId, errorCodes.none);
  }

  #request(block: HeaderBlock | undefined): void {
    if (!block) return;
    const { streamId, isLast, head } = block;
    const known = this.#streams.get(streamId);
    if (known) {
      // Trailers: of a client there is nothing to learn from them.
      const failure = isLast ? known.receive(Buffer.alloc(0), true) : errorCodes.protocol;
      if (failure !== errorCodes.none) this.#fail(known, failure);
      return;
    }
    if (isLast) this.#discarding.delete(streamId);
    // Of a stream that is over, or one that begins though we said that we take no more.
    if (streamId <= this.#lastStreamId || this.#isClosing) return;
    if (streamId % 2 === 0) {
      throw new ConnectionError(errorCodes.protocol, 'A stream has a bad number');
    }
    this.#lastStreamId = streamId;
    if (this.#streams.size >= this.#options.maxConcurrentStreams) {
      return this.sendReset(streamId, errorCodes.refusedStream);
    }
    const { headers } = head;
    const receiveWindow = this.#options.streamWindowBytes;
    const stream = new ServerStream(streamId, this, { headers, receiveWindow });
    this.#streams.set(streamId, stream);
    if (head.isTooLarge) return stream.respond(tooLarge, { isLast: true });
    if (head.isMalformed) return this.#fail(stream, errorCodes.protocol);
    if (isLast) {
      const failure = stream.receive(Buffer.alloc(0), true);
      if (failure !== errorCodes.none) return this.#fail(stream, failure);
    }
    this.#options.accept(stream);
  }

  #fail(stream: ServerStream, code: number): void {
    this.#spendReset();
    stream.reset(code);
  }

  #reset(streamId: number): void {
    const stream = this.#known(streamId);
    this.#discarding.delete(streamId);
    this.#spendReset();
    stream?.abandon();
  }

  #spendReset(): void {
    if (this.#resets.take()) return;
    throw new ConnectionError(errorCodes.enhanceYourCalm, 'Too many requests are taken back');
  }

  /** Throws for a stream that has never begun. */
  #known(streamId: number): ServerStream | undefined {
    const stream = this.#streams.get(streamId);
    if (!stream && (streamId > this.#lastStreamId || streamId % 2 === 0) && !this.#isClosing) {
      throw new ConnectionError(errorCodes.protocol, 'A frame is for a stream that has not begun');
    }
    return stream;
  }

  #settings(flagBits: number, payload: Buffer): void {
    this.#hasSettings = true;
    if (flagBits & flags.ack) return;
    for (const [id, value] of readSettings(payload)) {
      if (id === settingIds.maxFrameSize) {
        this.#maxFrameBytes = value;
        this.largestData = Math.min(value, mostDataBytes);
      }
      if (id !== settingIds.initialWindowSize) continue;
      const difference = value - this.initialSendWindow;
      this.initialSendWindow = value;
      for (const stream of this.#streams.values()) {
        stream.sendWindow += difference;
        if (stream.sendWindow > mostWindowBytes) throw windowTooLarge();
      }
    }
    this.#send(frameTypes.settings, flags.ack, 0, Buffer.alloc(0));
    for (const stream of this.#streams.values()) if (stream.isWaiting) stream.sendQueued();
  }

  #windowUpdate(streamId: number, more: number): void {
    if (streamId === 0) {
      if (more === 0) throw new ConnectionError(errorCodes.protocol, 'A window grows by nothing');
      this.sendWindow += more;
      if (this.sendWindow > mostWindowBytes) throw windowTooLarge();
      this.#offer();
      return;
    }
    const stream = this.#known(streamId);
    if (!stream) return;
    stream.sendWindow += more;
    if (more === 0) this.#fail(stream, errorCodes.protocol);
    else if (stream.sendWindow > mostWindowBytes) this.#fail(stream, errorCodes.flowControl);
    else if (stream.isWaiting) stream.sendQueued();
  }

  /** There is room again: those that wait for it go on, in turns. */
  #offer(): void {
    for (const stream of this.#waiting) {
      if (this.sendWindow <= 0 || !this.isWritable) return;
      this.#waiting.delete(stream);
      stream.sendQueued();
    }
  }

  #grantOnConnection(bytes: number): void {
    this.#granted += bytes;
    if (this.#granted <= this.#options.connectionWindowBytes / 2) return;
    this.#sendWindowUpdate(0, this.#granted);
    this.#receiveWindow += this.#granted;
    this.#granted = 0;
  }

  #sendWindowUpdate(streamId: number, bytes: number): void {
    this.#send(frameTypes.windowUpdate, 0, streamId, numberPayload(bytes));
  }

  #sayGoodbye(code: number): void {
    const payload = Buffer.concat([numberPayload(this.#lastStreamId), numberPayload(code)]);
    this.#send(frameTypes.goAway, 0, 0, payload);
  }

  #send(type: number, flagBits: number, streamId: number, payload: Uint8Array): void {
    if (this.#isOver) return;
    this.#output.frame(type, flagBits, streamId, payload);
    if (this.#output.pendingBytes < mostPendingBytes) return;
    this.#socket.destroy();
    this.#close();
  }

  #endIfDone(): void {
    if (this.#streams.size > 0 || this.#isOver) return;
    this.#output.flush();
    this.#socket.end();
  }

  #close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const stream of this.#streams.values()) stream.abandon();
  }
}

function windowTooLarge(): ConnectionError {
  return new ConnectionError(errorCodes.flowControl, 'A window is too large');
}
