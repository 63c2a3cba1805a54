/** HTTP/2's frames (RFC 9113). */
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
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  cancel: 8,
  compression: 9,
  enhanceYourCalm: 11,
} as const;

export const settingIds = {
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
export const frameHeaderBytes = 9;
export const defaultWindowBytes = 65_535;
export const defaultFrameBytes = 16_384;
export const mostFrameBytes = 2 ** 24 - 1;
export const mostWindowBytes = 0x7fffffff;

export interface FrameHead {
  readonly length: number;
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
}

export function writeFrameHead(target: Buffer, at: number, head: FrameHead): number {
  const { length, streamId } = head;
  target[at] = length >>> 16;
  target[at + 1] = length >>> 8;
  target[at + 2] = length;
  target[at + 3] = head.type;
  target[at + 4] = head.flags;
  target[at + 5] = streamId >>> 24;
  target[at + 6] = streamId >>> 16;
  target[at + 7] = streamId >>> 8;
  target[at + 8] = streamId;
  return at + frameHeaderBytes;
}

export function numberPayload(value: number): Buffer {
  const payload = Buffer.allocUnsafe(4);
  payload.writeUInt32BE(value, 0);
  return payload;
}

export type Settings = readonly (readonly [id: number, value: number])[];

export function settingsPayload(settings: Settings): Buffer {
  const payload = Buffer.alloc(settings.length * 6);
  for (const [i, [id, value]] of settings.entries()) {
    payload.writeUInt16BE(id, i * 6);
    payload.writeUInt32BE(value, i * 6 + 2);
  }
  return payload;
}

/** Throws what a client's settings break. */
export function readSettings(payload: Buffer): Settings {
  if (payload.length % 6 !== 0) {
    throw new ConnectionError(errorCodes.frameSize, 'Settings are cut off');
  }
  const settings: [number, number][] = [];
  for (let at = 0; at < payload.length; at += 6) {
    const id = payload.readUInt16BE(at);
    const value = payload.readUInt32BE(at + 2);
    if (id === settingIds.initialWindowSize && value > mostWindowBytes) {
      throw new ConnectionError(errorCodes.flowControl, 'The initial window is too large');
    }
    const isFrameSize = id === settingIds.maxFrameSize;
    if (isFrameSize && (value < defaultFrameBytes || value > mostFrameBytes)) {
      throw new ConnectionError(errorCodes.protocol, 'The largest frame is out of range');
    }
    if (id === settingIds.enablePush && value > 1) {
      throw new ConnectionError(errorCodes.protocol, 'Push is neither on nor off');
    }
    settings.push([id, value]);
  }
  return settings;
}

/** What is between a frame's padding. */
export function unpad(flagBits: number, payload: Buffer): Buffer {
  if (!(flagBits & flags.padded)) return payload;
  const padding = payload[0] ?? payload.length;
  if (padding >= payload.length) {
    throw new ConnectionError(errorCodes.protocol, 'Padding is too long');
  }
  return payload.subarray(1, payload.length - padding);
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
