import { headerLength, nameEnd, questionsEnd, records } from '#agent/dns/wire.ts';

const types = { ns: 2, cname: 5, soa: 6, ptr: 12 };
/** Pointers have 14 bits. */
const farthest = 0x3fff;

/**
 * The same message with names pointing at where they were said before (RFC 1035, 4.1.4), so that far
 * more records fit in a datagram. Takes a message without any pointers.
 */
export function compress(message: Buffer): Buffer {
  const known = new Map<string, number>();
  const parts: Buffer[] = [];
  let length = 0;
  const copy = (from: number, to: number): void => {
    parts.push(message.subarray(from, to));
    length += to - from;
  };
  const name = (from: number): void => {
    let offset = from;
    for (;;) {
      const size = message.readUInt8(offset);
      if (size === 0) return copy(offset, offset + 1);
      const rest = message.toString('latin1', offset, nameEnd(message, offset));
      const pointer = known.get(rest);
      if (pointer !== undefined) {
        parts.push(Buffer.from([0xc0 | (pointer >> 8), pointer & 0xff]));
        length += 2;
        return;
      }
      if (length <= farthest) known.set(rest, length);
      copy(offset, offset + size + 1);
      offset += size + 1;
    }
  };

  copy(0, headerLength);
  const firstRecord = questionsEnd(message);
  for (let offset = headerLength; offset < firstRecord;) {
    const end = nameEnd(message, offset);
    name(offset);
    copy(end, end + 4);
    offset = end + 4;
  }
  for (const { start, type, dataOffset, end } of records(message)) {
    name(start);
    copy(nameEnd(message, start), dataOffset - 2);
    const size = Buffer.alloc(2);
    parts.push(size);
    length += 2;
    const before = length;
    let offset = dataOffset;
    for (let names = namesInData(type); names > 0; names--) {
      name(offset);
      offset = nameEnd(message, offset);
    }
    copy(offset, end);
    size.writeUInt16BE(length - before);
  }
  return Buffer.concat(parts);
}

/** How many names the data starts with, of the types whose names may be compressed. */
function namesInData(type: number): number {
  if (type === types.soa) return 2;
  return type === types.ns || type === types.cname || type === types.ptr ? 1 : 0;
}
