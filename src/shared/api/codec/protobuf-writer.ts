const encoder = new TextEncoder();
/** Longer texts are encoded by the platform, shorter ones in place. */
const shortText = 96;
const mostRoomKept = 4 * 2 ** 20;
const two32 = 2 ** 32;

/**
 * Writes protobuf from the end towards the beginning, as Go's generated code does: a nested message's
 * length is known once its content is written, so nothing is measured twice or copied.
 */
export class ProtobufWriter {
  #bytes: Uint8Array;
  /** Everything from here on is written. */
  #start: number;

  constructor(capacity = 4096) {
    this.#bytes = new Uint8Array(capacity);
    this.#start = capacity;
  }

  /** How much is written; the difference of two marks is a message's length. */
  get length(): number {
    return this.#bytes.length - this.#start;
  }

  /** A copy of what is written. */
  finish(): Uint8Array {
    return this.#bytes.slice(this.#start);
  }

  /** Forgets what is written and keeps the room, unless one huge list had taken it. */
  reset(): void {
    if (this.#bytes.length > mostRoomKept) this.#bytes = new Uint8Array(mostRoomKept);
    this.#start = this.#bytes.length;
  }

  byte(value: number): void {
    if (this.#start === 0) this.#grow(1);
    this.#bytes[--this.#start] = value;
  }

  bytes(value: Uint8Array): void {
    if (this.#start < value.length) this.#grow(value.length);
    this.#start -= value.length;
    this.#bytes.set(value, this.#start);
  }

  /** Lengths and tags. */
  varint32(value: number): void {
    if (value < 0x80) return this.byte(value);
    if (this.#start < 5) this.#grow(5);
    const size = value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
    this.#start -= size;
    let rest = value;
    let at = this.#start;
    for (; rest >= 0x80; rest >>>= 7) this.#bytes[at++] = (rest & 0x7f) | 0x80;
    this.#bytes[at] = rest;
  }

  /** Any integer; a negative one takes ten bytes. */
  varint64(value: number): void {
    if (value >= 0 && value < 0x80000000) return this.varint32(value);
    let low = value >>> 0;
    let high = Math.floor(value / two32) >>> 0;
    const groups: number[] = [];
    while (high > 0 || low >= 0x80) {
      groups.push((low & 0x7f) | 0x80);
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.byte(low);
    for (let index = groups.length - 1; index >= 0; index--) this.byte(groups[index]!);
  }

  fixed64(value: number): void {
    if (this.#start < 8) this.#grow(8);
    this.#start -= 8;
    new DataView(this.#bytes.buffer).setFloat64(this.#start, value, true);
  }

  /** The text's bytes with their length before them. */
  text(value: string): void {
    const { length } = value;
    if (length < shortText) {
      if (this.#start < length) this.#grow(length);
      const end = this.#start;
      let at = end;
      for (let index = length - 1; index >= 0; index--) {
        const code = value.charCodeAt(index);
        if (code >= 0x80) {
          at = -1;
          break;
        }
        this.#bytes[--at] = code;
      }
      if (at >= 0) {
        this.#start = at;
        return this.varint32(length);
      }
    }
    if (this.#start < length) this.#grow(length);
    const room = this.#bytes.subarray(this.#start - length, this.#start);
    if (encoder.encodeInto(value, room).read === length) {
      this.#start -= length;
      return this.varint32(length);
    }
    // Not plain ASCII: the bytes are more than the characters.
    const encoded = encoder.encode(value);
    this.bytes(encoded);
    return this.varint32(encoded.length);
  }

  #grow(needed: number): void {
    const written = this.length;
    const bytes = new Uint8Array(Math.max(this.#bytes.length * 2, written + needed + 64));
    bytes.set(this.#bytes.subarray(this.#start), bytes.length - written);
    this.#start = bytes.length - written;
    this.#bytes = bytes;
  }
}
