import type { UserInfo } from '#main/control-plane/apiserver/authentication/authenticator.ts';
import type { ServedResource } from '#main/control-plane/apiserver/catalog.ts';
import { headerOf, type Exchange } from '#main/control-plane/apiserver/http/exchange.ts';
import { httpBody } from '#main/control-plane/apiserver/http/http-body.ts';
import { bodyFormat, mediaType } from '#main/control-plane/apiserver/http/media-types.ts';
import { unsupportedPatch } from '#main/control-plane/apiserver/registry/patch.ts';
import type { ResourceRequestInfo } from '#main/control-plane/apiserver/request/request-info.ts';
import type {
  RequestBody,
  ResourceRequest,
} from '#main/control-plane/apiserver/request/resource-request.ts';
import { patchTypes, type PatchType } from '#shared/client/transport.ts';

/** Upstream's limit for a request's body. */
export const bodyLimitBytes = 3 * 1024 * 1024;
const longestManager = 128;

const patchTypeNames = new Set<string>(Object.values(patchTypes));

/** A request about a resource, once it is known whose it is. */
export interface Resolved {
  readonly info: ResourceRequestInfo;
  readonly served: ServedResource;
  readonly user: UserInfo;
  readonly warnings: string[];
}

/** What the registry is asked, with the body that came along. */
export async function resourceRequest(
  exchange: Exchange,
  resolved: Resolved,
): Promise<ResourceRequest> {
  const { info, served } = resolved;
  const contentType = headerOf(exchange.headers, 'content-type');
  const patchType = info.verb === 'patch' ? patchTypeOf(contentType, served) : undefined;
  const body = await readRequestBody(exchange, info, { served, patchType });
  return requestOf(exchange, resolved, { body, patchType });
}

/** What the registry is asked where the body is nobody's business here. */
export function bodylessRequest(exchange: Exchange, resolved: Resolved): ResourceRequest {
  return requestOf(exchange, resolved, { body: undefined, patchType: undefined });
}

function requestOf(
  exchange: Exchange,
  { info, served, user, warnings }: Resolved,
  { body, patchType }: Pick<ResourceRequest, 'body' | 'patchType'>,
): ResourceRequest {
  const { headers, query } = exchange;
  const { verb, subresource, name, rest } = info;
  return {
    verb,
    served,
    subresource,
    namespace: served.resource.scope === 'Namespaced' ? info.namespace : '',
    name,
    rest,
    user,
    query,
    search: exchange.search,
    body,
    patchType,
    defaultManager: managerOf(headerOf(headers, 'user-agent')),
    get signal() {
      return exchange.signal;
    },
    warn: (sentence) => void (warnings.includes(sentence) || warnings.push(sentence)),
  };
}

const verbsWithBody = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

async function readRequestBody(
  exchange: Exchange,
  { verb }: ResourceRequestInfo,
  { served, patchType }: { served: ServedResource; patchType: PatchType | undefined },
): Promise<RequestBody | undefined> {
  if (!verbsWithBody.has(verb)) return undefined;
  const offer = { withoutProtobuf: served.codec.decodeMessage === undefined && verb !== 'delete' };
  const contentType = headerOf(exchange.headers, 'content-type');
  const format = patchType
    ? patchType === patchTypes.apply
      ? 'yaml'
      : 'json'
    : bodyFormat(contentType, offer);
  return httpBody(await exchange.readBody(bodyLimitBytes), format);
}

function patchTypeOf(contentType: string | undefined, { codec }: ServedResource): PatchType {
  const type = mediaType(contentType ?? '');
  const isKnown = patchTypeNames.has(type);
  if (isKnown && (type !== patchTypes.strategic || codec.hasStrategicPatch))
    return type as PatchType;
  const { json, merge, strategic, apply } = patchTypes;
  throw unsupportedPatch(
    codec.hasStrategicPatch ? [json, merge, strategic, apply] : [json, merge, apply],
  );
}

/** The User-Agent up to its first slash, printable and not too long, as upstream. */
function managerOf(userAgent = ''): string {
  const slash = userAgent.indexOf('/');
  const name = slash < 0 ? userAgent : userAgent.slice(0, slash);
  const printable = name.replaceAll(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, '');
  return (printable || 'unknown').slice(0, longestManager);
}
