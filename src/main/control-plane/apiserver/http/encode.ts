import type { ServedResource } from '#main/control-plane/apiserver/catalog.ts';
import { JsonList, listMetaOf } from '#main/control-plane/apiserver/http/encode-list.ts';
import type { Representation } from '#main/control-plane/apiserver/http/media-types.ts';
import { metadataOf, parseInclude, tableOf } from '#main/control-plane/apiserver/http/table.ts';
import type { Query } from '#main/control-plane/apiserver/request/request-info.ts';
import type { ResourceResponse } from '#main/control-plane/apiserver/request/resource-request.ts';
import type { Entry } from '#main/control-plane/apiserver/storage/entry.ts';
import { encodeMessage, wrapList, wrapMessage } from '#shared/api/codec/protobuf.ts';
import { typeNameOf } from '#main/control-plane/apiserver/http/type-names.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import { groupVersionOf } from '#shared/kube/resource.ts';
import { stringify } from 'yaml';

export interface EncodeContext {
  readonly served: ServedResource;
  readonly representation: Representation;
  readonly query: Query;
  readonly now: number;
  readonly isPretty: boolean;
}

const newline = 0x0a;

/** Answers that are objects, and not bytes of somebody else's. */
export type EncodedResponse = Exclude<ResourceResponse, { readonly type: 'stream' | 'empty' }>;

/** An answer's body. Plain JSON is put together from bytes that are there already. */
export function encodeResponse(response: EncodedResponse, context: EncodeContext): Uint8Array {
  const { representation, served, isPretty } = context;
  const { rendering, format } = representation;
  if (rendering === 'object' && !isPretty) {
    if (format === 'json') {
      if (response.type === 'entry') return encodeEntry(response.entry.as(served.form));
      if (response.type === 'list') return new JsonList(served, response.page).toBytes();
    }
    if (format === 'protobuf' && response.type !== 'object') return encodeStored(response, served);
  }
  return encodeValue(render(response, context), representation, isPretty);
}

/** The answer as a list that may be written bit by bit, if that is what was asked for. */
export function jsonListOf(
  response: EncodedResponse,
  { representation, served, isPretty }: EncodeContext,
): JsonList | undefined {
  const { rendering, format } = representation;
  const isPlain = rendering === 'object' && format === 'json' && !isPretty;
  return isPlain && response.type === 'list' ? new JsonList(served, response.page) : undefined;
}

function encodeEntry(entry: Entry): Buffer {
  const length = entry.jsonLength;
  const target = Buffer.allocUnsafe(length + 1);
  entry.writeJson(target, 0);
  target[length] = newline;
  return target;
}

function encodeStored(
  response: EncodedResponse & { readonly type: 'entry' | 'list' },
  { form, codec, resource }: ServedResource,
): Uint8Array {
  const { encodeMessage: encode } = codec;
  if (!encode) throw new ApiError('NotAcceptable', `${resource.plural} have no protobuf form`);
  if (response.type === 'entry') {
    return wrapMessage(form, response.entry.as(form).protobuf(encode));
  }
  const typeMeta = { apiVersion: groupVersionOf(resource), kind: `${resource.kind}List` };
  const items = response.page.entries.map((entry) => entry.as(form).protobuf(encode));
  return wrapList(typeMeta, listMetaOf(response.page), items);
}

/** The value that is written where no bytes are there to be reused. */
function render(response: EncodedResponse, context: EncodeContext): object {
  const { served, representation } = context;
  const { rendering, metaVersion } = representation;
  if (response.type === 'object') {
    const object = response.object as KubeObject;
    if (rendering === 'object' || object.kind === 'Status') return object;
    return rendering === 'metadata'
      ? metadataOf(object, metaVersion)
      : tableOf(served, [object], {}, tableOptions(context));
  }
  if (response.type === 'entry') {
    const { object } = response.entry.as(served.form);
    if (rendering === 'object') return object;
    if (rendering === 'metadata') return metadataOf(object, metaVersion);
    const { resourceVersion } = object.metadata;
    return tableOf(served, [object], { resourceVersion }, tableOptions(context));
  }
  const objects = response.page.entries.map((entry) => entry.as(served.form).object);
  const metadata = listMetaOf(response.page);
  if (rendering === 'table') return tableOf(served, objects, metadata, tableOptions(context));
  const { resource } = served;
  if (rendering === 'metadata') {
    const apiVersion = `meta.k8s.io/${metaVersion}`;
    const items = objects.map((object) => metadataOf(object, metaVersion));
    return { kind: 'PartialObjectMetadataList', apiVersion, metadata, items };
  }
  const items = objects.map(({ kind: _kind, apiVersion: _apiVersion, ...item }) => item);
  return {
    kind: `${resource.kind}List`,
    apiVersion: groupVersionOf(resource),
    metadata,
    items,
  };
}

function tableOptions({
  representation,
  query,
  now,
}: EncodeContext): Parameters<typeof tableOf>[3] {
  return {
    metaVersion: representation.metaVersion,
    include: parseInclude(query['includeObject']),
    now,
  };
}

/** Any object of the API in the wanted format. */
export function encodeValue(
  value: object,
  { format }: Pick<Representation, 'format'>,
  isPretty = false,
): Uint8Array {
  if (format === 'yaml')
    return Buffer.from(stringify(value, { sortMapEntries: true, lineWidth: 0 }));
  if (format === 'json') {
    return Buffer.from(`${JSON.stringify(value, undefined, isPretty ? 2 : undefined)}\n`);
  }
  // Discovery's oldest documents leave their version out.
  const { apiVersion = 'v1', kind } = value as Partial<KubeObject> & { readonly kind: string };
  const typeName = typeNameOf(apiVersion, kind);
  if (!typeName)
    throw new ApiError('NotAcceptable', `${kind} of ${apiVersion} has no protobuf form`);
  return wrapMessage({ apiVersion, kind }, encodeMessage(typeName, value));
}
