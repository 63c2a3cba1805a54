import type { UserInfo } from '#main/control-plane/apiserver/authentication/authenticator.ts';
import type { ServedResource } from '#main/control-plane/apiserver/catalog.ts';
import type {
  DecodedObject,
  ObjectCodec,
} from '#main/control-plane/apiserver/registry/object-codec.ts';
import type { Query, ResourceVerb } from '#main/control-plane/apiserver/request/request-info.ts';
import type { Entry } from '#main/control-plane/apiserver/storage/entry.ts';
import type { ListPage } from '#main/control-plane/apiserver/storage/lister.ts';
import type { PatchType } from '#shared/client/transport.ts';

/** What a client sent. Every call of a function gives a value of the caller's own. */
export interface RequestBody {
  readonly isEmpty: boolean;
  /** Decoded as an object of the codec's kind; throws `BadRequest` in upstream's words. */
  object(codec: ObjectCodec, options: { readonly isStrict: boolean }): DecodedObject;
  /** Plain JSON values: patches and applied configurations. */
  value(): { readonly value: unknown; readonly strictErrors: readonly string[] };
  /** As it was sent, to be quoted. */
  text(): string;
}

/** One request about a resource after authorization, whichever way it came in. */
export interface ResourceRequest {
  readonly verb: ResourceVerb;
  readonly served: ServedResource;
  readonly subresource: string;
  /** '' for cluster-scoped resources and for all namespaces. */
  readonly namespace: string;
  readonly name: string;
  /** What follows the subresource in the path. */
  readonly rest: readonly string[];
  readonly user: UserInfo;
  readonly query: Query;
  /** The query as it was sent, for parameters that may come several times. */
  readonly search: string;
  readonly body: RequestBody | undefined;
  readonly patchType: PatchType | undefined;
  /** The field manager where the request names none: the first part of the User-Agent. */
  readonly defaultManager: string;
  readonly signal: AbortSignal | undefined;
  /** Adds a `Warning` header. */
  warn(sentence: string): void;
}

/** What is answered. An entry carries its encoded bytes; a bare object is encoded for this answer. */
export type ResourceResponse =
  | { readonly type: 'entry'; readonly code: number; readonly entry: Entry }
  | { readonly type: 'object'; readonly code: number; readonly object: unknown }
  | { readonly type: 'list'; readonly page: ListPage }
  /** Bytes that are passed on as they come. */
  | {
      readonly type: 'stream';
      readonly code: number;
      readonly contentType: string;
      readonly body: AsyncIterable<Uint8Array>;
    }
  | { readonly type: 'empty'; readonly code: number };
