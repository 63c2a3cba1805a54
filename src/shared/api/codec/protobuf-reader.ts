import { DecodeError } from '#shared/api/codec/decode-context.ts';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const shortText = 24;
const two32 = 2 ** 32;

/** Reads protobuf; throws `DecodeError` with the words of Go's generated code. */
export class ProtobufReader {
  at: number;
  readonly end: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get isAtEnd(): boolean {
    return this.at >= this.end;
  }

  /** A reader of the length-delimited message that comes next; this one goes on behind it. */
  message(): ProtobufReader {
    const length = this.#length();
    const start = this.at;
    this.at += length;
    return new ProtobufReader(this.#bytes, start, this.at);
  }

  /** A view, not a copy. */
  bytes(): Uint8Array {
    const length = this.#length();
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }

  text(): string {
    const length = this.#length();
    const start = this.at;
    this.at += length;
    if (length >= shortText) return decoder.decode(this.#bytes.subarray(start, this.at));
    let text = '';
    for (let index = start; index < this.at; index++) {
      const byte = this.#bytes[index]!;
      if (byte >= 0x80) return decoder.decode(this.#bytes.subarray(start, this.at));
      text += String.fromCharCode(byte);
    }
    return text;
  }

  /** Tags and lengths: what is beyond 32 bits is an error of the sender's. */
  varint32(): number {
    const value = this.varint64();
    return value < 0 ? value + two32 * two32 : value;
  }

  /** As a signed integer; beyond 2^53 the last digits are lost. */
  varint64(): number {
    let low = 0;
    let high = 0;
    for (let shift = 0; ; shift += 7) {
      if (shift >= 64) throw new DecodeError('proto: integer overflow');
      if (this.at >= this.end) throw new DecodeError('unexpected EOF');
      const byte = this.#bytes[this.at++]!;
      const group = byte & 0x7f;
      if (shift < 28) low |= group << shift;
      else if (shift === 28) {
        low |= group << 28;
        high |= group >>> 4;
      } else high |= group << (shift - 32);
      if (byte < 0x80) break;
    }
    return (high | 0) * two32 + (low >>> 0);
  }

  fixed64(): number {
    if (this.at + 8 > this.end) throw new DecodeError('unexpected EOF');
    const view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + this.at, 8);
    this.at += 8;
    return view.getFloat64(0, true);
  }

  /** Passes over the value of a field that nobody knows. */
  skip(wireType: number): void {
    if (wireType === 0) this.varint64();
    else if (wireType === 1) this.#advance(8);
    else if (wireType === 2) this.#advance(this.#length());
    else if (wireType === 3) this.#skipGroup();
    else if (wireType === 5) this.#advance(4);
    else throw new DecodeError(`proto: illegal wireType ${wireType}`);
  }

  #skipGroup(): void {
    for (;;) {
      const wireType = this.varint32() & 7;
      if (wireType === 4) return;
      this.skip(wireType);
    }
  }

  #length(): number {
    const length = this.varint64();
    if (length < 0) throw new DecodeError('proto: negative length found during unmarshaling');
    if (this.at + length > this.end) throw new DecodeError('unexpected EOF');
    return length;
  }

  #advance(count: number): void {
    if (this.at + count > this.end) throw new DecodeError('unexpected EOF');
    this.at += count;
  }
}
