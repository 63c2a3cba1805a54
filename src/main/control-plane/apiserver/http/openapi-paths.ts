import { headerOf } from '#main/control-plane/apiserver/http/exchange.ts';
import { parseAccept } from '#main/control-plane/apiserver/http/media-types.ts';
import type {
  PathAnswer,
  PathRequest,
  PathRoutes,
} from '#main/control-plane/apiserver/http/paths.ts';
import {
  openApiV2ProtobufType,
  openApiV2ProtobufTypeDeprecated,
  openApiV3ProtobufType,
  openApiV3ProtobufTypeDeprecated,
  type OpenApi,
  type OpenApiDocument,
} from '#main/control-plane/apiserver/openapi/openapi.ts';
import { ApiError } from '#shared/kube/errors.ts';

/** `/openapi/v2` and `/openapi/v3`, as JSON or protobuf, each with its ETag. */
export function addOpenApi(routes: PathRoutes, openApi: OpenApi): void {
  routes.add('/openapi/v2', (request) => {
    const format = formatOf(request, [openApiV2ProtobufType, openApiV2ProtobufTypeDeprecated]);
    return answer(request, openApi.v2(format));
  });
  routes.add('/openapi/v3', (request) => answer(request, openApi.v3Index()));
  routes.addBelow('/openapi/v3/', (request) => {
    const name = request.path.slice('/openapi/v3/'.length);
    const format = formatOf(request, [openApiV3ProtobufType, openApiV3ProtobufTypeDeprecated]);
    const document = openApi.v3(name, format);
    if (!document) return undefined;
    const { hash } = request.query;
    if (hash === undefined) return answer(request, document);
    const location = openApi.v3Url(name);
    if (!location.endsWith(`=${hash}`)) {
      return {
        code: 301,
        contentType: 'text/plain; charset=utf-8',
        headers: { location },
        body: '',
      };
    }
    return answer(request, document, { 'cache-control': 'public, immutable' });
  });
}

function formatOf({ headers }: PathRequest, protobufTypes: readonly string[]): 'json' | 'protobuf' {
  const accept = headerOf(headers, 'accept');
  if (!accept) return 'json';
  for (const { type } of parseAccept(accept)) {
    if (type === 'application/json' || type === '*/*' || type === 'application/*') return 'json';
    if (protobufTypes.includes(type)) return 'protobuf';
  }
  const types = ['application/json', ...protobufTypes].join(', ');
  const message = `only the following media types are accepted: ${types}`;
  throw new ApiError('NotAcceptable', message, { details: {} });
}

function answer(
  { headers }: PathRequest,
  document: OpenApiDocument,
  more: Readonly<Record<string, string>> = {},
): PathAnswer {
  const { etag, contentType, body } = document;
  const all = { etag, vary: 'Accept-Encoding, Accept', ...more };
  if (headerOf(headers, 'if-none-match') === etag) {
    return { code: 304, contentType, headers: all, body: '' };
  }
  return { contentType, headers: all, body, gzip: () => document.gzip() };
}
