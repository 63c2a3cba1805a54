import { GrpcError, grpcStatus } from './status.ts';

/** A message on the wire: compressed? u8, length u32, then the message. */
export const framePrefixBytes = 5;

const maxMessageBytes = 512 * 1024 * 1024;
const nothing = Buffer.alloc(0);

/** Fills in the prefix of a message that was encoded with room for it. */
export function frame(message: Buffer): Buffer {
  message[0] = 0;
  message.writeUInt32BE(message.length - framePrefixBytes, 1);
  return message;
}

/** Cuts a stream of bytes into messages. */
export class FrameReader {
  #rest: Buffer = nothing;
  /** Chunks after `#rest`, joined once there are enough bytes. */
  #chunks: Buffer[] = [];
  #length = 0;
  #wanted = framePrefixBytes;

  /** The messages that are complete with this chunk. Throws what the call is to fail with. */
  push(chunk: Buffer): readonly Buffer[] {
    this.#length += chunk.length;
    if (this.#length < this.#wanted) {
      this.#chunks.push(chunk);
      return [];
    }
    let bytes = chunk;
    if (this.#length > chunk.length) {
      bytes = Buffer.concat([this.#rest, ...this.#chunks, chunk]);
    }
    return this.#cut(bytes);
  }

  #cut(bytes: Buffer): Buffer[] {
    const messages: Buffer[] = [];
    let at = 0;
    for (;;) {
      this.#wanted = framePrefixBytes;
      if (bytes.length - at < framePrefixBytes) break;
      if (bytes[at] !== 0) {
        throw new GrpcError(
          grpcStatus.unimplemented,
          'grpc: compressed messages are not supported',
        );
      }
      const length = bytes.readUInt32BE(at + 1);
      if (length > maxMessageBytes) {
        throw new GrpcError(
          grpcStatus.resourceExhausted,
          `grpc: message of ${length} bytes is too large`,
        );
      }
      this.#wanted += length;
      if (bytes.length - at < this.#wanted) break;
      messages.push(bytes.subarray(at + framePrefixBytes, at + this.#wanted));
      at += this.#wanted;
    }
    this.#rest = at === bytes.length ? nothing : bytes.subarray(at);
    this.#chunks = [];
    this.#length = this.#rest.length;
    return messages;
  }
}
