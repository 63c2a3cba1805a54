/** What travels between the two ends of a tunnel. */
export const frameTypes = {
  /** A new stream; the payload says in JSON what is wanted. */
  open: 1,
  /** The stream that was asked for is there. */
  accept: 2,
  data: 3,
  /** Four bytes: so much more may be sent on the stream. */
  credit: 4,
  /** Nothing more comes from this side. */
  end: 5,
  /** The stream is over, both ways; the payload says why. */
  reset: 6,
  /** To be sent back as `pong`; both have stream 0. */
  ping: 7,
  pong: 8,
} as const;

export type FrameType = (typeof frameTypes)[keyof typeof frameTypes];

export interface Frame {
  readonly type: FrameType;
  readonly stream: number;
  readonly payload: Buffer;
}

const headerBytes = 9;
/** Far above what is ever sent: what claims more is not a tunnel. */
const maxPayloadBytes = 1 << 20;

export function encodeFrame({ type, stream, payload }: Frame): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes + payload.length);
  frame.writeUInt8(type, 0);
  frame.writeUInt32BE(stream, 1);
  frame.writeUInt32BE(payload.length, 5);
  payload.copy(frame, headerBytes);
  return frame;
}

/** Cuts what arrives into frames. Throws for what cannot be one. */
export class FrameDecoder {
  #rest: Buffer = Buffer.alloc(0);

  *decode(chunk: Buffer): Generator<Frame> {
    const all = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    let at = 0;
    while (all.length - at >= headerBytes) {
      const length = all.readUInt32BE(at + 5);
      const type = all.readUInt8(at);
      if (length > maxPayloadBytes || type < frameTypes.open || type > frameTypes.pong)
        throw new Error('The tunnel carries what is no tunnel: another program answers there');
      if (all.length - at - headerBytes < length) break;
      const from = at + headerBytes;
      at = from + length;
      yield {
        type: type as FrameType,
        stream: all.readUInt32BE(from - 8),
        payload: all.subarray(from, at),
      };
    }
    this.#rest = all.subarray(at);
  }
}
