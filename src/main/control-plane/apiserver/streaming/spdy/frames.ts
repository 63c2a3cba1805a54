/** Types of SPDY/3.1's control frames. */
export const frameTypes = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

export const finFlag = 0x01;

const version = 3;
const headBytes = 8;
const streamMask = 0x7fff_ffff;
/** Longer than what anybody sends; more means that the other side does not speak SPDY. */
const mostFrameBytes = 0xff_ffff;

export type Frame =
  | {
      readonly isControl: false;
      readonly stream: number;
      readonly isLast: boolean;
      readonly data: Buffer;
    }
  | {
      readonly isControl: true;
      readonly type: number;
      readonly flags: number;
      readonly body: Buffer;
    };

export function dataFrame(stream: number, data: Uint8Array, isLast: boolean): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(stream & streamMask);
  head.writeUInt32BE(data.length, 4);
  head[4] = isLast ? finFlag : 0;
  return data.length === 0 ? head : Buffer.concat([head, data]);
}

export function controlFrame(
  type: number,
  body: Uint8Array,
  { flags = 0 }: { readonly flags?: number } = {},
): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt16BE(0x8000 | version);
  head.writeUInt16BE(type, 2);
  head.writeUInt32BE(body.length, 4);
  head[4] = flags;
  return Buffer.concat([head, body]);
}

/** A frame's fixed fields before its header block: numbers of 32 bits. */
export function fields(...numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(numbers.length * 4);
  for (const [index, number] of numbers.entries()) bytes.writeUInt32BE(number >>> 0, index * 4);
  return bytes;
}

export function streamOf(body: Buffer): number {
  if (body.length < 4) throw new Error('SPDY: a control frame is cut off');
  return body.readUInt32BE() & streamMask;
}

/** Cuts what comes over the wire into frames. */
export class FrameParser {
  #rest: Buffer = Buffer.alloc(0);

  /** Throws when the bytes are not SPDY/3. */
  *feed(chunk: Buffer): Iterable<Frame> {
    let bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    while (bytes.length >= headBytes) {
      const length = bytes.readUInt32BE(4) & mostFrameBytes;
      if (bytes.length < headBytes + length) break;
      const flags = bytes[4]!;
      const body = bytes.subarray(headBytes, headBytes + length);
      yield frameOf(bytes.readUInt32BE(), flags, body);
      bytes = bytes.subarray(headBytes + length);
    }
    this.#rest = bytes;
  }
}

function frameOf(first: number, flags: number, body: Buffer): Frame {
  if (first < 0x8000_0000) {
    return { isControl: false, stream: first, isLast: (flags & finFlag) !== 0, data: body };
  }
  const spoken = (first >>> 16) & 0x7fff;
  if (spoken !== version) throw new Error(`SPDY: version ${spoken} is not spoken here, 3 is`);
  return { isControl: true, type: first & 0xffff, flags, body };
}
