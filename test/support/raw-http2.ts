import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  flags,
  frameTypes,
  preface,
  settingsPayload,
  writeFrameHead,
  type Settings,
} from '#main/http2/frames.ts';
import { HpackReader } from '#main/http2/hpack/reader.ts';
import { writeHeaders } from '#main/http2/hpack/writer.ts';

export interface RawFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

export function frameBytes(
  type: number,
  flagBits: number,
  streamId: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  writeFrameHead(head, 0, { length: payload.length, type, flags: flagBits, streamId });
  return Buffer.concat([head, payload]);
}

/** A client of HTTP/2 that sends whatever a test wants, rules or not. */
export class RawClient implements Disposable {
  readonly socket: Socket;
  readonly frames: RawFrame[] = [];
  readonly #reader = new HpackReader();
  #rest = Buffer.alloc(0);
  #wakes: (() => void)[] = [];
  #isClosed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', () => {}); // the server may end it at any time
    socket.on('close', () => {
      this.#isClosed = true;
      this.#wakeAll();
    });
  }

  static async connect(port: number, settings: Settings = []): Promise<RawClient> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const client = new RawClient(socket);
    socket.write(preface);
    client.send(frameTypes.settings, 0, 0, settingsPayload(settings));
    return client;
  }

  send(type: number, flagBits: number, streamId: number, payload?: Uint8Array): void {
    this.socket.write(frameBytes(type, flagBits, streamId, payload));
  }

  request(
    streamId: number,
    headers: Record<string, string> = {},
    { isLast = true, extraFlags = 0 } = {},
  ): void {
    const block = requestBlock(headers);
    const end = isLast ? flags.endStream : 0;
    this.send(frameTypes.headers, flags.endHeaders | end | extraFlags, streamId, block);
  }

  data(streamId: number, bytes: Uint8Array, isLast = false): void {
    this.send(frameTypes.data, isLast ? flags.endStream : 0, streamId, bytes);
  }

  /** The first frame, of those that have come or will, that is meant. */
  async next(isMeant: (frame: RawFrame) => boolean): Promise<RawFrame> {
    for (;;) {
      const found = this.frames.find(isMeant);
      if (found) return found;
      if (this.#isClosed) throw new Error('The connection is closed');
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wakes.push(resolve);
      await promise;
    }
  }

  /** The code with which the server ends the connection. */
  async goAway(): Promise<number> {
    const { payload } = await this.next(({ type }) => type === frameTypes.goAway);
    return payload.readUInt32BE(4);
  }

  async reset(streamId: number): Promise<number> {
    const isReset = (frame: RawFrame): boolean =>
      frame.type === frameTypes.resetStream && frame.streamId === streamId;
    return (await this.next(isReset)).payload.readUInt32BE(0);
  }

  /** Everything that has come on a stream once it is over. */
  async answer(streamId: number): Promise<{ headers: Record<string, string>; body: Buffer }> {
    const isOwn = (frame: RawFrame): boolean => frame.streamId === streamId;
    const isLast = (frame: RawFrame): boolean =>
      isOwn(frame) && frame.type <= frameTypes.headers && (frame.flags & flags.endStream) !== 0;
    await this.next(isLast);
    const own = this.frames.filter(isOwn);
    const headers: Record<string, string> = {};
    const blocks = own.filter(
      ({ type }) => type === frameTypes.headers || type === frameTypes.continuation,
    );
    const block = Buffer.concat(blocks.map(({ payload }) => payload));
    this.#reader.read(block, (name, value) => (headers[name] = value));
    const body = Buffer.concat(
      own.filter(({ type }) => type === frameTypes.data).map(({ payload }) => payload),
    );
    return { headers, body };
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  #receive(chunk: Buffer): void {
    let bytes = Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= 9) {
      const end = 9 + bytes.readUIntBE(0, 3);
      if (bytes.length < end) break;
      this.frames.push({
        type: bytes[3]!,
        flags: bytes[4]!,
        streamId: bytes.readUInt32BE(5),
        payload: bytes.subarray(9, end),
      });
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const wake of this.#wakes.splice(0)) wake();
  }
}

export function requestBlock(headers: Record<string, string> = {}): Buffer {
  const all = {
    ':method': 'POST',
    ':scheme': 'http',
    ':path': '/',
    ':authority': 'test',
    ...headers,
  };
  return writeHeaders(Object.entries(all));
}
