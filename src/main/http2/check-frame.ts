import { ConnectionError, errorCodes, frameTypes } from '#main/http2/frames.ts';

interface FrameRule {
  /** What it is about: one stream, the connection, or either. */
  readonly about: 'stream' | 'connection' | 'either';
  readonly length?: number;
}

const rules: Readonly<Record<number, FrameRule>> = {
  [frameTypes.data]: { about: 'stream' },
  [frameTypes.headers]: { about: 'stream' },
  [frameTypes.priority]: { about: 'stream', length: 5 },
  [frameTypes.resetStream]: { about: 'stream', length: 4 },
  [frameTypes.settings]: { about: 'connection' },
  [frameTypes.ping]: { about: 'connection', length: 8 },
  [frameTypes.goAway]: { about: 'connection' },
  [frameTypes.windowUpdate]: { about: 'either', length: 4 },
  [frameTypes.continuation]: { about: 'stream' },
};

/** Throws if a client's frame is not what its type has to be. */
export function checkFrame(type: number, streamId: number, payload: Buffer): void {
  if (type === frameTypes.pushPromise) {
    throw new ConnectionError(errorCodes.protocol, 'Clients cannot push');
  }
  const rule = rules[type];
  if (!rule) return;
  if (rule.about !== 'either' && (rule.about === 'stream') !== streamId > 0) {
    throw new ConnectionError(errorCodes.protocol, 'A frame is for the wrong stream');
  }
  if (rule.length !== undefined && payload.length !== rule.length) {
    throw new ConnectionError(errorCodes.frameSize, 'A frame has the wrong size');
  }
}
