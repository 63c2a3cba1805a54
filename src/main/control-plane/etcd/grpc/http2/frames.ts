/** HTTP/2's frames (RFC 9113), as far as a gRPC server needs them. */
export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  resetStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flags = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 0x20 } as const;

export const errorCodes = {
  none: 0,
  protocol: 1,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  cancel: 8,
  compression: 9,
} as const;

export const settingIds = { initialWindowSize: 4, maxFrameSize: 5 } as const;

export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
export const frameHeaderBytes = 9;
export const defaultWindowBytes = 65_535;
export const defaultFrameBytes = 16_384;
export const mostWindowBytes = 0x7fffffff;

export interface FrameHead {
  readonly length: number;
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
}

export function writeFrameHead(target: Buffer, at: number, head: FrameHead): number {
  target[at] = head.length >>> 16;
  target[at + 1] = head.length >>> 8;
  target[at + 2] = head.length;
  target[at + 3] = head.type;
  target[at + 4] = head.flags;
  target.writeUInt32BE(head.streamId, at + 5);
  return at + frameHeaderBytes;
}

export function writeFrame(
  type: number,
  flagBits: number,
  streamId: number,
  payload: Buffer,
): Buffer {
  const frame = Buffer.allocUnsafe(frameHeaderBytes + payload.length);
  writeFrameHead(frame, 0, { length: payload.length, type, flags: flagBits, streamId });
  payload.copy(frame, frameHeaderBytes);
  return frame;
}

export function numberPayload(value: number): Buffer {
  const payload = Buffer.allocUnsafe(4);
  payload.writeUInt32BE(value, 0);
  return payload;
}

export function settingsPayload(
  settings: readonly (readonly [id: number, value: number])[],
): Buffer {
  const payload = Buffer.alloc(settings.length * 6);
  for (const [i, [id, value]] of settings.entries()) {
    payload.writeUInt16BE(id, i * 6);
    payload.writeUInt32BE(value, i * 6 + 2);
  }
  return payload;
}

/** Why a connection has to end. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  readonly code: number;

  constructor(code: number, message: string, options: ErrorOptions = {}) {
    super(message, options);
    this.code = code;
  }
}
