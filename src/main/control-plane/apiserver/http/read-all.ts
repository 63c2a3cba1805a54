import type { Readable } from 'node:stream';
import { ApiError } from '#shared/kube/errors.ts';

const empty = Buffer.alloc(0);

/** Collects a request's body. Throws `RequestEntityTooLarge` in upstream's words. */
export function readAll(
  stream: Readable,
  contentLength: string | undefined,
  limitBytes: number,
): Promise<Buffer> {
  if (Number(contentLength) > limitBytes) {
    stream.resume();
    return Promise.reject(bodyTooLarge(limitBytes));
  }
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let length = 0;
  let isOver = false;
  stream.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= limitBytes) chunks.push(chunk);
    else if (!isOver) {
      isOver = true;
      reject(bodyTooLarge(limitBytes));
    }
  });
  stream.once('end', () => {
    isOver = true;
    const [only = empty] = chunks;
    resolve(chunks.length <= 1 ? only : Buffer.concat(chunks, length));
  });
  stream.once('error', reject);
  stream.once('close', () => {
    if (!isOver) reject(new Error('The client has gone away'));
  });
  return promise;
}

/** In upstream's words. */
export function bodyTooLarge(limitBytes: number): ApiError {
  return new ApiError(
    'RequestEntityTooLarge',
    `Request entity is too large: limit is ${limitBytes}`,
  );
}
