import type { ServedResource } from '#main/control-plane/apiserver/catalog.ts';
import { encodeValue } from '#main/control-plane/apiserver/http/encode.ts';
import type { ResponseStream } from '#main/control-plane/apiserver/http/exchange.ts';
import type { Representation } from '#main/control-plane/apiserver/http/media-types.ts';
import {
  metadataOf,
  tableOf,
  type IncludeObject,
} from '#main/control-plane/apiserver/http/table.ts';
import { bookmarkObject } from '#main/control-plane/apiserver/bookmark.ts';
import type { Entry } from '#main/control-plane/apiserver/storage/entry.ts';
import type { WatchSink } from '#main/control-plane/apiserver/storage/watch-session.ts';
import type { Delivery } from '#main/control-plane/apiserver/storage/event-log.ts';
import { watchFrame, wrapMessage } from '#shared/api/codec/protobuf.ts';
import type { ApiError } from '#shared/kube/errors.ts';
import type { KubeObject } from '#shared/kube/object.ts';

export interface WatchStreamOptions {
  readonly served: ServedResource;
  readonly representation: Representation;
  readonly include: IncludeObject;
  readonly stream: ResponseStream;
  now(): number;
}

/** A client that lets so much pile up has stopped reading; it can come back and resume. */
const mostPendingBytes = 64 * 1024 * 1024;

const jsonHeads: Readonly<Record<string, Buffer>> = Object.fromEntries(
  ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK'].map((type) => [
    type,
    Buffer.from(`{"type":"${type}","object":`),
  ]),
);
const jsonTail = Buffer.from('}\n');

/** Writes a watch's events to one client; what many clients are told is encoded once. */
export class WatchStream implements WatchSink {
  readonly #options: WatchStreamOptions;
  /** Watches with the same key are sent the same bytes. */
  readonly #keys: Readonly<Record<Delivery['type'], string>>;
  #hasSentColumns = false;

  constructor(options: WatchStreamOptions) {
    this.#options = options;
    const { served, representation, include } = options;
    const { format, rendering, metaVersion } = representation;
    const key = [served.form.apiVersion, format, rendering, metaVersion, include].join(' ');
    this.#keys = {
      ADDED: `${key} ADDED`,
      MODIFIED: `${key} MODIFIED`,
      DELETED: `${key} DELETED`,
    };
  }

  send(deliveries: readonly Delivery[]): void {
    const { stream } = this.#options;
    const [only] = deliveries;
    if (deliveries.length === 1) stream.write(this.#frame(only!));
    else stream.write(Buffer.concat(deliveries.map((delivery) => this.#frame(delivery))));
    if (stream.pendingBytes > mostPendingBytes) stream.destroy();
  }

  bookmark(revision: number, { endsInitialEvents }: { readonly endsInitialEvents: boolean }): void {
    const { served, representation, stream } = this.#options;
    const object = bookmarkObject(served, revision, endsInitialEvents);
    const shown = representation.rendering === 'object' ? object : this.#rendered(object);
    stream.write(this.#encoded('BOOKMARK', shown));
  }

  end(error?: ApiError): void {
    const { stream } = this.#options;
    if (error) stream.write(this.#encoded('ERROR', error.toStatus()));
    stream.end();
  }

  #frame({ type, event, entry }: Delivery): Uint8Array {
    const { rendering } = this.#options.representation;
    const isOwn = rendering === 'table' && !this.#hasSentColumns;
    if (isOwn || !event) return this.#make(type, entry);
    const key = this.#keys[type];
    const known = event.frame(key) as Uint8Array | undefined;
    return known ?? event.keepFrame(key, this.#make(type, entry));
  }

  #make(type: Delivery['type'], entry: Entry): Uint8Array {
    const { served, representation } = this.#options;
    const { rendering, format } = representation;
    const view = entry.as(served.form);
    if (rendering !== 'object') return this.#encoded(type, this.#rendered(view.object));
    if (format === 'json') return jsonFrame(type, view);
    const encode = served.codec.encodeMessage;
    if (!encode) throw new Error(`${served.resource.plural} have no protobuf form`);
    return watchFrame(type, wrapMessage(served.form, view.protobuf(encode)));
  }

  #rendered(object: KubeObject): object {
    const { served, representation, include, now } = this.#options;
    const { metaVersion, rendering } = representation;
    if (rendering === 'metadata') return metadataOf(object, metaVersion);
    const withoutColumns = this.#hasSentColumns;
    this.#hasSentColumns = true;
    const { resourceVersion } = object.metadata;
    const isBookmark = object.metadata.name === undefined;
    const options = { metaVersion, include, now: now(), withoutColumns };
    return tableOf(served, isBookmark ? [] : [object], { resourceVersion }, options);
  }

  #encoded(type: string, object: object): Uint8Array {
    const { representation } = this.#options;
    if (representation.format === 'json') {
      return Buffer.from(`{"type":"${type}","object":${JSON.stringify(object)}}\n`);
    }
    return watchFrame(type, encodeValue(object, representation));
  }
}

function jsonFrame(type: string, entry: Entry): Buffer {
  const head = jsonHeads[type]!;
  const target = Buffer.allocUnsafe(head.length + entry.jsonLength + jsonTail.length);
  const start = head.copy(target, 0);
  jsonTail.copy(target, entry.writeJson(target, start));
  return target;
}
