/** Walks through DNS messages as they are on the wire (RFC 1035), without understanding all of them. */

export const headerLength = 12;

export interface WireRecord {
  /** Where its owner's name starts. */
  readonly start: number;
  readonly type: number;
  readonly ttlOffset: number;
  readonly dataOffset: number;
  readonly end: number;
  readonly section: 'answer' | 'authority' | 'additional';
}

/** Where the first record starts: behind the questions. */
export function questionsEnd(message: Buffer): number {
  let offset = headerLength;
  for (let count = message.readUInt16BE(4); count > 0; count--) {
    offset = nameEnd(message, offset) + 4;
  }
  return offset;
}

/** The records in order. Throws a RangeError where the message ends too early. */
export function* records(message: Buffer): Generator<WireRecord> {
  let start = questionsEnd(message);
  const sections = [
    ['answer', message.readUInt16BE(6)],
    ['authority', message.readUInt16BE(8)],
    ['additional', message.readUInt16BE(10)],
  ] as const;
  for (const [section, count] of sections) {
    for (let at = 0; at < count; at++) {
      const fixed = nameEnd(message, start);
      const dataOffset = fixed + 10;
      const end = dataOffset + message.readUInt16BE(fixed + 8);
      if (end > message.length) throw new RangeError('A record goes beyond the end of its message');
      yield {
        start,
        type: message.readUInt16BE(fixed),
        ttlOffset: fixed + 4,
        dataOffset,
        end,
        section,
      };
      start = end;
    }
  }
}

/** Whether the message holds all the records that it says it has. */
export function isWhole(message: Buffer): boolean {
  try {
    return [...records(message)].every(({ end }) => end <= message.length);
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** The offset behind a name, compressed or not. */
export function nameEnd(message: Buffer, start: number): number {
  let offset = start;
  for (;;) {
    const length = message.readUInt8(offset);
    if (length === 0) return offset + 1;
    if (length >= 0xc0) return offset + 2;
    offset += length + 1;
  }
}
