import { GrpcError, grpcStatus } from './grpc-error.ts';

/** In front of each message: compressed or not, one byte, and its length, four. */
export const framePrefixBytes = 5;

/** What the container runtime sends at most, and more than anybody else does. */
const maxMessageBytes = 16 * 1024 * 1024;

/** Fills in the prefix of a message that was encoded with room for it. */
export function framed(message: Buffer): Buffer {
  message[0] = 0;
  message.writeUInt32BE(message.length - framePrefixBytes, 1);
  return message;
}

/** Cuts what arrives into messages. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #length = 0;
  #wanted = framePrefixBytes;

  /** The messages that are whole with this chunk. Throws what the call is to fail with. */
  push(chunk: Buffer): readonly Buffer[] {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#wanted) return [];
    let rest = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    const messages: Buffer[] = [];
    while (rest.length >= framePrefixBytes) {
      this.#wanted = framePrefixBytes + lengthOf(rest);
      if (rest.length < this.#wanted) break;
      messages.push(rest.subarray(framePrefixBytes, this.#wanted));
      rest = rest.subarray(this.#wanted);
      this.#wanted = framePrefixBytes;
    }
    this.#chunks = [rest];
    this.#length = rest.length;
    return messages;
  }
}

function lengthOf(frame: Buffer): number {
  if (frame[0] !== 0)
    throw new GrpcError(grpcStatus.unimplemented, 'grpc: compressed messages are not supported');
  const length = frame.readUInt32BE(1);
  if (length <= maxMessageBytes) return length;
  throw new GrpcError(
    grpcStatus.resourceExhausted,
    `grpc: received message larger than max (${length} vs. ${maxMessageBytes})`,
  );
}
