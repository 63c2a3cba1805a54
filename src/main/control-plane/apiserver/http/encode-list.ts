import type { ResponseStream } from '#main/control-plane/apiserver/http/exchange.ts';
import type { ServedResource } from '#main/control-plane/apiserver/catalog.ts';
import type { Entry } from '#main/control-plane/apiserver/storage/entry.ts';
import type { ListPage } from '#main/control-plane/apiserver/storage/lister.ts';
import { groupVersionOf } from '#shared/kube/resource.ts';
import type { ListMeta } from '#shared/kube/types/meta-v1.ts';

export function listMetaOf({ revision, remainingItemCount, continue: token }: ListPage): ListMeta {
  return {
    ...(revision > 0 && { resourceVersion: String(revision) }),
    ...(token && { continue: token }),
    ...(remainingItemCount !== undefined && { remainingItemCount }),
  };
}

const tail = Buffer.from(']}\n');
const comma = 0x2c;
/** More than what a connection takes at once, so that its draining says that the buffer is free again. */
const bufferBytes = 1024 * 1024;
/** From this size on a list is written bit by bit, so that it need not be held as a whole. */
const streamedBytes = 2 * bufferBytes;

/** A list as JSON, put together from the bytes that its items already have. */
export class JsonList {
  /** Of the whole list in bytes. */
  readonly length: number;
  readonly #head: Buffer;
  readonly #entries: readonly Entry[];

  constructor({ resource, form }: ServedResource, page: ListPage) {
    this.#head = Buffer.from(
      `{"kind":"${resource.kind}List","apiVersion":"${groupVersionOf(resource)}","metadata":${JSON.stringify(listMetaOf(page))},"items":[`,
    );
    const isAsStored = page.entries.every((entry) => entry.as(form) === entry);
    this.#entries = isAsStored ? page.entries : page.entries.map((entry) => entry.as(form));
    let length = this.#head.length + tail.length + Math.max(this.#entries.length - 1, 0);
    for (const entry of this.#entries) length += entry.itemLength;
    this.length = length;
  }

  get isLong(): boolean {
    return this.length >= streamedBytes;
  }

  toBytes(): Buffer {
    const target = Buffer.allocUnsafe(this.length);
    let at = this.#head.copy(target, 0);
    for (const [index, entry] of this.#entries.entries()) {
      if (index > 0) target[at++] = comma;
      at = entry.writeItem(target, at);
    }
    tail.copy(target, at);
    return target;
  }

  /** Writes as fast as the client reads, through one buffer that is filled again and again. */
  async writeTo(stream: ResponseStream): Promise<void> {
    let isClosed = false;
    stream.onClose(() => void (isClosed = true));
    let buffer = Buffer.allocUnsafeSlow(bufferBytes);
    let at = this.#head.copy(buffer, 0);
    const flush = async (): Promise<void> => {
      stream.write(buffer.subarray(0, at));
      at = 0;
      const room = stream.room();
      if (room) await room;
      // Nobody says when it has been taken: it belongs to the connection now.
      else buffer = Buffer.allocUnsafeSlow(bufferBytes);
    };
    for (const [index, entry] of this.#entries.entries()) {
      const needed = entry.itemLength + 1;
      if (at + needed > buffer.length) await flush();
      if (isClosed) return;
      if (needed > buffer.length) buffer = Buffer.allocUnsafeSlow(needed);
      if (index > 0) buffer[at++] = comma;
      at = entry.writeItem(buffer, at);
    }
    if (at + tail.length > buffer.length) await flush();
    at += tail.copy(buffer, at);
    await flush();
    stream.end();
  }
}
