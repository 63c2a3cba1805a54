import {
  errorCodes,
  flags,
  frameHeaderBytes,
  frameTypes,
  numberPayload,
  writeFrame,
  writeFrameHead,
} from './frames.ts';
import { writeHeaders } from './hpack.ts';

/** What a stream needs of its connection. */
export interface StreamHost {
  sendWindow: number;
  readonly initialSendWindow: number;
  readonly maxFrameBytes: number;
  readonly isWritable: boolean;
  send(bytes: Buffer): void;
  closed(stream: ServerStream): void;
}

/** What happens on a stream, to whoever answers it. */
export interface StreamHandler {
  readonly data: (chunk: Buffer) => void;
  /** The client has said everything. */
  readonly end?: () => void;
  /** The stream is over, whoever ended it. */
  readonly close?: () => void;
  /** Everything written has left. */
  readonly drain?: () => void;
}

const responseHeaders = writeHeaders([
  [':status', '200'],
  ['content-type', 'application/grpc'],
]);
const okTrailers = writeHeaders([['grpc-status', '0']]);

/** One call. Its answer is headers, messages and a status. */
export class ServerStream {
  readonly id: number;
  readonly #host: StreamHost;
  #handler: StreamHandler | undefined;
  /** Bytes received that the client has not been given back yet. */
  received = 0;
  sendWindow: number;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #trailers: Buffer | undefined;
  #headersSent = false;
  #isEnded = false;
  #clientEnded = false;
  #isClosed = false;

  constructor(id: number, host: StreamHost) {
    this.id = id;
    this.#host = host;
    this.sendWindow = host.initialSendWindow;
  }

  /** What has been written and not left yet. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  handle(handler: StreamHandler): void {
    this.#handler = handler;
  }

  /** The whole of a good answer at once. */
  reply(message: Buffer): void {
    if (this.#isEnded || this.#isClosed) return;
    const { sendWindow, maxFrameBytes, isWritable } = this.#host;
    const fits =
      message.length <= this.sendWindow &&
      message.length <= sendWindow &&
      message.length <= maxFrameBytes;
    if (this.#headersSent || !fits || !isWritable) {
      this.write(message);
      this.end();
      return;
    }
    this.#host.sendWindow -= message.length;
    this.#host.send(this.#wholeReply(message));
    this.#headersSent = true;
    this.#isEnded = true;
    this.#finished();
  }

  writeHeaders(): void {
    if (this.#headersSent || this.#isClosed) return;
    this.#headersSent = true;
    this.#host.send(writeFrame(frameTypes.headers, flags.endHeaders, this.id, responseHeaders));
  }

  write(message: Buffer): void {
    if (this.#isEnded || this.#isClosed) return;
    this.writeHeaders();
    this.#queue.push(message);
    this.#queuedBytes += message.length;
    this.sendQueued();
  }

  /** Ends the call; `trailers` say how, and well without them. */
  end(trailers: Buffer = okTrailers): void {
    if (this.#isEnded || this.#isClosed) return;
    this.#isEnded = true;
    if (!this.#headersSent) {
      this.#headersSent = true;
      const only = Buffer.concat([responseHeaders, trailers]);
      this.#host.send(
        writeFrame(frameTypes.headers, flags.endHeaders | flags.endStream, this.id, only),
      );
      this.#finished();
      return;
    }
    this.#trailers = trailers;
    this.sendQueued();
  }

  /** Sends as much of what waits as the client and the connection take. */
  sendQueued(): void {
    const host = this.#host;
    const hadQueue = this.#queue.length > 0;
    while (this.#queue.length > 0) {
      const room = Math.min(this.sendWindow, host.sendWindow, host.maxFrameBytes);
      if (room <= 0 || !host.isWritable) return;
      const next = this.#queue[0]!;
      const part = next.length > room ? next.subarray(0, room) : next;
      if (part === next) this.#queue.shift();
      else this.#queue[0] = next.subarray(room);
      this.sendWindow -= part.length;
      host.sendWindow -= part.length;
      this.#queuedBytes -= part.length;
      host.send(writeFrame(frameTypes.data, 0, this.id, part));
    }
    if (this.#trailers) {
      const last = flags.endHeaders | flags.endStream;
      host.send(writeFrame(frameTypes.headers, last, this.id, this.#trailers));
      this.#trailers = undefined;
      this.#finished();
    } else if (hadQueue && !this.#isClosed) this.#handler?.drain?.();
  }

  receive(chunk: Buffer, isLast: boolean): void {
    if (this.#clientEnded || this.#isClosed) return;
    if (chunk.length > 0) this.#handler?.data(chunk);
    if (!isLast) return;
    this.#clientEnded = true;
    this.#handler?.end?.();
  }

  /** The client, or the connection, is gone. */
  reset(): void {
    this.#isEnded = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#close();
  }

  #wholeReply(message: Buffer): Buffer {
    const { id: streamId } = this;
    const heads = 3 * frameHeaderBytes;
    const length = heads + responseHeaders.length + message.length + okTrailers.length;
    const bytes = Buffer.allocUnsafe(length);
    const head = (
      at: number,
      part: Buffer,
      { type, flagBits }: { type: number; flagBits: number },
    ) => {
      const from = writeFrameHead(bytes, at, {
        length: part.length,
        type,
        flags: flagBits,
        streamId,
      });
      part.copy(bytes, from);
      return from + part.length;
    };
    const { headers, data } = frameTypes;
    let at = head(0, responseHeaders, { type: headers, flagBits: flags.endHeaders });
    at = head(at, message, { type: data, flagBits: 0 });
    head(at, okTrailers, { type: headers, flagBits: flags.endHeaders | flags.endStream });
    return bytes;
  }

  #finished(): void {
    if (!this.#clientEnded) {
      const payload = numberPayload(errorCodes.none);
      this.#host.send(writeFrame(frameTypes.resetStream, 0, this.id, payload));
    }
    this.#close();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#host.closed(this);
    this.#handler?.close?.();
  }
}
