import { errorCodes, type ConnectionError } from '#main/http2/frames.ts';
import type { RequestHeaders } from '#main/http2/request-head.ts';

/** What a stream needs of its connection. */
export interface StreamHost {
  sendWindow: number;
  readonly initialSendWindow: number;
  /** What one frame may hold. */
  readonly largestData: number;
  /** Whether the socket takes more; if not, a stream that waits is called once it does. */
  readonly isWritable: boolean;
  sendHeaders(streamId: number, block: Buffer, isLast: boolean): void;
  sendData(streamId: number, data: Uint8Array, isLast: boolean): void;
  sendReset(streamId: number, code: number): void;
  /** The stream has something to send, and it is the connection that has no room. */
  waitForRoom(stream: ServerStream): void;
  /** So many bytes of a stream's body have been taken: its client may send as many more. */
  grant(stream: ServerStream, bytes: number): void;
  /** The answer is complete, and the client is still speaking. */
  answeredEarly(stream: ServerStream): void;
  closed(stream: ServerStream): void;
}

/** Who takes what the client sends. */
export interface BodyReader {
  data(chunk: Buffer): void;
  /** The client has said everything. */
  end?(): void;
}

const nothing = Buffer.alloc(0);
const mostSentInQueue = 64;

/** One request and its answer. */
export class ServerStream {
  readonly id: number;
  readonly headers: RequestHeaders;
  readonly #host: StreamHost;
  /** How much the client may still send, and how much it may be given back. */
  receiveWindow: number;
  granted = 0;
  /** How much the client still takes. */
  sendWindow: number;
  #expectedBytes: number | undefined;
  #inbox: Buffer[] = [];
  #reader: BodyReader | undefined;
  #isPaused = false;
  #clientEnded = false;
  #toldEnd = false;
  #queue: Uint8Array[] = [];
  /** The first of the queue that has not been sent. */
  #first = 0;
  #queuedBytes = 0;
  /** Absent: more may come. Empty: the last data says so. Otherwise trailers follow. */
  #trailers: Buffer | undefined;
  #hasResponded = false;
  #isClosed = false;
  #closeListeners: (() => void)[] = [];
  #drainListener: (() => void) | undefined;

  constructor(
    id: number,
    host: StreamHost,
    { headers, receiveWindow }: { headers: RequestHeaders; receiveWindow: number },
  ) {
    this.id = id;
    this.#host = host;
    this.headers = headers;
    this.receiveWindow = receiveWindow;
    this.sendWindow = host.initialSendWindow;
    const { 'content-length': length } = headers;
    this.#expectedBytes = length === undefined ? undefined : Number(length);
  }

  /** Written and not sent yet. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get hasResponded(): boolean {
    return this.#hasResponded;
  }

  /** Whether something waits to be sent. */
  get isWaiting(): boolean {
    return this.#first < this.#queue.length;
  }

  /** Whoever reads gets what has come already, and what will. */
  read(reader: BodyReader): void {
    this.#reader = reader;
    this.#deliver();
  }

  /** From now on the client sends no more than its window allows, until `resume`. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#deliver();
  }

  /** The stream is over, whoever ended it and however. */
  onClose(listener: () => void): void {
    if (this.#isClosed) listener();
    else this.#closeListeners.push(listener);
  }

  /** Everything that was written has left; called each time. */
  onDrain(listener: () => void): void {
    this.#drainListener = listener;
  }

  respond(block: Buffer, { isLast = false } = {}): void {
    if (this.#isClosed || this.#trailers) return;
    this.#hasResponded = true;
    this.#host.sendHeaders(this.id, block, isLast);
    if (!isLast) return;
    this.#trailers = nothing;
    this.#finish(nothing);
  }

  write(chunk: Uint8Array): void {
    if (this.#isClosed || this.#trailers || chunk.length === 0) return;
    const isFirst = !this.isWaiting;
    if (isFirst && this.#fits(chunk)) {
      this.#send(chunk, false);
      return;
    }
    this.#queue.push(chunk);
    this.#queuedBytes += chunk.length;
    if (isFirst) this.sendQueued();
  }

  /** Ends the answer, with a last chunk and trailers if there are such. */
  end(chunk: Uint8Array = nothing, trailers: Buffer = nothing): void {
    if (this.#isClosed || this.#trailers) return;
    this.#trailers = trailers;
    if (chunk.length > 0 && !this.isWaiting && this.#fits(chunk)) {
      this.#send(chunk, trailers.length === 0);
      this.#finish(trailers);
      return;
    }
    if (chunk.length > 0) {
      this.#queue.push(chunk);
      this.#queuedBytes += chunk.length;
    }
    this.sendQueued();
  }

  /** Gives the stream up: what waits is not sent. */
  reset(code: number = errorCodes.cancel): void {
    if (this.#isClosed) return;
    this.#host.sendReset(this.id, code);
    this.abandon();
  }

  /** Sends as much of what waits as client and connection take. */
  sendQueued(): void {
    if (this.#isClosed) return;
    const wasWaiting = this.isWaiting;
    while (this.isWaiting) if (!this.#sendNext()) return;
    this.#queue = [];
    this.#first = 0;
    const trailers = this.#trailers;
    if (trailers) {
      if (trailers.length === 0 && !wasWaiting) this.#host.sendData(this.id, nothing, true);
      this.#finish(trailers);
    } else if (wasWaiting) this.#drainListener?.();
  }

  /** Takes what came with one frame. Returns the code of what the client did wrong. */
  receive(chunk: Buffer, isLast: boolean): ConnectionError['code'] {
    if (this.#clientEnded) return errorCodes.streamClosed;
    if (this.#expectedBytes !== undefined) this.#expectedBytes -= chunk.length;
    this.#clientEnded = isLast;
    const expected = this.#expectedBytes ?? 0;
    if (expected < 0 || (isLast && expected > 0)) return errorCodes.protocol;
    if (chunk.length > 0) this.#inbox.push(chunk);
    this.#deliver();
    return errorCodes.none;
  }

  /** The client, or the connection, is gone. */
  abandon(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#queue = [];
    this.#first = 0;
    this.#queuedBytes = 0;
    for (const chunk of this.#inbox.splice(0)) this.#host.grant(this, chunk.length);
    this.#host.closed(this);
    for (const listener of this.#closeListeners.splice(0)) listener();
  }

  #sendNext(): boolean {
    const host = this.#host;
    const room = Math.min(this.sendWindow, host.sendWindow, host.largestData);
    if (room <= 0 || !host.isWritable) {
      // If it is this stream's own window, the client will say when there is more.
      if (this.sendWindow > 0) host.waitForRoom(this);
      return false;
    }
    const next = this.#queue[this.#first]!;
    const part = next.length > room ? next.subarray(0, room) : next;
    if (part === next) this.#dropFirst();
    else this.#queue[this.#first] = next.subarray(room);
    this.#queuedBytes -= part.length;
    this.#send(part, this.#trailers?.length === 0 && !this.isWaiting);
    return true;
  }

  /** Whether all of it can be sent at once. */
  #fits({ length }: Uint8Array): boolean {
    const { sendWindow, largestData, isWritable } = this.#host;
    return length <= this.sendWindow && length <= sendWindow && length <= largestData && isWritable;
  }

  #send(data: Uint8Array, isLast: boolean): void {
    this.sendWindow -= data.length;
    this.#host.sendWindow -= data.length;
    this.#host.sendData(this.id, data, isLast);
  }

  #dropFirst(): void {
    this.#queue[this.#first++] = nothing;
    if (this.#first < mostSentInQueue || this.#first < this.#queue.length / 2) return;
    this.#queue.splice(0, this.#first);
    this.#first = 0;
  }

  #deliver(): void {
    const reader = this.#reader;
    if (!reader) return;
    while (this.#inbox.length > 0 && !this.#isPaused && !this.#isClosed) {
      const chunk = this.#inbox.shift()!;
      this.#host.grant(this, chunk.length);
      reader.data(chunk);
    }
    if (!this.#clientEnded || this.#toldEnd || this.#inbox.length > 0 || this.#isClosed) return;
    this.#toldEnd = true;
    reader.end?.();
  }

  /** Everything else has been said. */
  #finish(trailers: Buffer): void {
    if (trailers.length > 0) this.#host.sendHeaders(this.id, trailers, true);
    if (!this.#clientEnded) this.#host.answeredEarly(this);
    this.abandon();
  }
}
