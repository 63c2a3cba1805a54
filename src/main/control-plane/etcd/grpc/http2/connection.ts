import type { Socket } from 'node:net';
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
  settingIds,
  settingsPayload,
  writeFrame,
} from './frames.ts';
import { HpackReader } from './hpack.ts';
import { ServerStream, type StreamHost } from './stream.ts';

const streamWindowBytes = 2 * 1024 * 1024;
const connectionWindowBytes = 16 * 1024 * 1024;
const longestHeaderBlock = 64 * 1024;

/** A request has begun; `headers` are those that were asked for. */
export type Accept = (stream: ServerStream, headers: ReadonlyMap<string, string>) => void;

/**
 * The server's side of one HTTP/2 connection. Written for many small calls: what a turn of the event
 * loop produces leaves in one write, and a call costs no stream object of Node's.
 *
 * It is more lenient than Node's own: some of etcd's clients send a whole URL as `:authority`.
 */
export class ServerConnection implements StreamHost {
  readonly #socket: Socket;
  readonly #accept: Accept;
  readonly #headers = new HpackReader();
  readonly #streams = new Map<number, ServerStream>();
  #input: Buffer = Buffer.alloc(0);
  #isGreeted = false;
  #lastStreamId = 0;
  /** A header block that goes on in continuation frames. */
  #block: { readonly streamId: number; readonly isLast: boolean; parts: Buffer[] } | undefined;
  #output: Buffer[] = [];
  #outputBytes = 0;
  #flushing = false;
  #unacknowledged = 0;
  #isOver = false;
  /** How much the client still takes on the connection, and on a stream that begins. */
  sendWindow = defaultWindowBytes;
  initialSendWindow = defaultWindowBytes;
  maxFrameBytes = defaultFrameBytes;

  constructor(socket: Socket, accept: Accept) {
    this.#socket = socket;
    this.#accept = accept;
    const settings = settingsPayload([[settingIds.initialWindowSize, streamWindowBytes]]);
    this.send(writeFrame(frameTypes.settings, 0, 0, settings));
    this.#grant(0, connectionWindowBytes - defaultWindowBytes);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('close', () => this.#close());
    socket.on('drain', () => this.#offer());
  }

  /** Ends every call and the connection. */
  destroy(code: number = errorCodes.none): void {
    if (this.#isOver) return;
    const payload = Buffer.concat([numberPayload(this.#lastStreamId), numberPayload(code)]);
    this.send(writeFrame(frameTypes.goAway, 0, 0, payload));
    this.#flush();
    this.#socket.destroySoon();
    this.#close();
  }

  send(bytes: Buffer): void {
    this.#output.push(bytes);
    this.#outputBytes += bytes.length;
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => this.#flush());
  }

  /** Whether the socket takes more; if not, streams are offered room once it does. */
  get isWritable(): boolean {
    return !this.#socket.writableNeedDrain;
  }

  closed(stream: ServerStream): void {
    this.#streams.delete(stream.id);
  }

  #flush(): void {
    this.#flushing = false;
    if (this.#output.length === 0 || this.#socket.destroyed) return;
    const bytes =
      this.#output.length === 1 ? this.#output[0]! : Buffer.concat(this.#output, this.#outputBytes);
    this.#output = [];
    this.#outputBytes = 0;
    this.#socket.write(bytes);
  }

  #receive(chunk: Buffer): void {
    if (this.#isOver) return;
    let bytes = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk]);
    try {
      if (!this.#isGreeted) {
        if (bytes.length < preface.length) {
          this.#input = bytes;
          return;
        }
        if (!bytes.subarray(0, preface.length).equals(preface)) {
          throw new ConnectionError(errorCodes.protocol, 'The client does not speak HTTP/2');
        }
        this.#isGreeted = true;
        bytes = bytes.subarray(preface.length);
      }
      this.#input = this.#frames(bytes);
    } catch (error) {
      this.destroy(error instanceof ConnectionError ? error.code : errorCodes.compression);
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
    if (this.#block && type !== frameTypes.continuation) {
      throw new ConnectionError(errorCodes.protocol, 'A header block is interrupted');
    }
    switch (type) {
      case frameTypes.data:
        return this.#data(flagBits, streamId, payload);
      case frameTypes.headers:
        return this.#headersFrame(flagBits, streamId, payload);
      case frameTypes.continuation:
        return this.#continuation(flagBits, streamId, payload);
      case frameTypes.settings:
        return this.#settings(flagBits, payload);
      case frameTypes.windowUpdate:
        return this.#windowUpdate(streamId, payload);
      case frameTypes.ping:
        if (!(flagBits & flags.ack)) this.send(writeFrame(frameTypes.ping, flags.ack, 0, payload));
        return;
      case frameTypes.resetStream:
        this.#streams.get(streamId)?.reset();
        return;
      default:
      // Priorities, and whatever may be invented, may be ignored.
    }
  }

  #data(flagBits: number, streamId: number, payload: Buffer): void {
    this.#unacknowledged += payload.length;
    if (this.#unacknowledged > connectionWindowBytes / 2) {
      this.#grant(0, this.#unacknowledged);
      this.#unacknowledged = 0;
    }
    const stream = this.#streams.get(streamId);
    if (!stream) {
      if (streamId > this.#lastStreamId) {
        throw new ConnectionError(errorCodes.protocol, 'Data came before its headers');
      }
      return;
    }
    const isLast = (flagBits & flags.endStream) !== 0;
    stream.received += payload.length;
    if (!isLast && stream.received > streamWindowBytes / 2) {
      this.#grant(streamId, stream.received);
      stream.received = 0;
    }
    stream.receive(unpad(flagBits, payload), isLast);
  }

  #headersFrame(flagBits: number, streamId: number, payload: Buffer): void {
    let fragment = unpad(flagBits, payload);
    if (flagBits & flags.priority) fragment = fragment.subarray(5);
    const isLast = (flagBits & flags.endStream) !== 0;
    if (flagBits & flags.endHeaders) this.#request(streamId, fragment, isLast);
    else this.#block = { streamId, isLast, parts: [Buffer.from(fragment)] };
  }

  #continuation(flagBits: number, streamId: number, payload: Buffer): void {
    const block = this.#block;
    if (!block || block.streamId !== streamId) {
      throw new ConnectionError(errorCodes.protocol, 'A header block goes on that has not begun');
    }
    block.parts.push(Buffer.from(payload));
    const whole = Buffer.concat(block.parts);
    if (whole.length > longestHeaderBlock) {
      throw new ConnectionError(errorCodes.protocol, 'A header block is too long');
    }
    block.parts = [whole];
    if (!(flagBits & flags.endHeaders)) return;
    this.#block = undefined;
    this.#request(streamId, whole, block.isLast);
  }

  #request(streamId: number, block: Buffer, isLast: boolean): void {
    const headers = new Map<string, string>();
    this.#headers.read(block, (name, value) => headers.set(name, value));
    const known = this.#streams.get(streamId);
    if (known) {
      // Trailers: of a client there is nothing to learn from them.
      known.receive(Buffer.alloc(0), isLast);
      return;
    }
    if (streamId <= this.#lastStreamId || streamId % 2 === 0) {
      if (streamId % 2 === 0)
        throw new ConnectionError(errorCodes.protocol, 'A stream has a bad number');
      return;
    }
    this.#lastStreamId = streamId;
    const stream = new ServerStream(streamId, this);
    this.#streams.set(streamId, stream);
    this.#accept(stream, headers);
    if (isLast) stream.receive(Buffer.alloc(0), true);
  }

  #settings(flagBits: number, payload: Buffer): void {
    if (flagBits & flags.ack) return;
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      const id = payload.readUInt16BE(at);
      const value = payload.readUInt32BE(at + 2);
      if (id === settingIds.maxFrameSize) this.maxFrameBytes = value;
      if (id !== settingIds.initialWindowSize) continue;
      const difference = value - this.initialSendWindow;
      this.initialSendWindow = value;
      for (const stream of this.#streams.values()) stream.sendWindow += difference;
    }
    this.send(writeFrame(frameTypes.settings, flags.ack, 0, Buffer.alloc(0)));
    this.#offer();
  }

  #windowUpdate(streamId: number, payload: Buffer): void {
    const more = payload.readUInt32BE(0) & 0x7fffffff;
    if (streamId === 0) {
      this.sendWindow += more;
      if (this.sendWindow > mostWindowBytes) {
        throw new ConnectionError(errorCodes.flowControl, 'The window is too large');
      }
      this.#offer();
      return;
    }
    const stream = this.#streams.get(streamId);
    if (!stream) return;
    stream.sendWindow += more;
    stream.sendQueued();
  }

  /** There is room again: those that wait for it go on. */
  #offer(): void {
    for (const stream of this.#streams.values()) {
      if (this.sendWindow <= 0 || !this.isWritable) return;
      stream.sendQueued();
    }
  }

  #grant(streamId: number, bytes: number): void {
    this.send(writeFrame(frameTypes.windowUpdate, 0, streamId, numberPayload(bytes)));
  }

  #close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const stream of this.#streams.values()) stream.reset();
  }
}

function unpad(flagBits: number, payload: Buffer): Buffer {
  if (!(flagBits & flags.padded)) return payload;
  const padding = payload[0] ?? 0;
  if (padding >= payload.length)
    throw new ConnectionError(errorCodes.protocol, 'Padding is too long');
  return payload.subarray(1, payload.length - padding);
}
