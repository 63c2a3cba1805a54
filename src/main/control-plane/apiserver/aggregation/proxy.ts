import type { Aggregator } from '#main/control-plane/apiserver/aggregation/aggregator.ts';
import {
  connectToService,
  hostOfService,
  identityHeaders,
} from '#main/control-plane/apiserver/aggregation/connection.ts';
import type { UserInfo } from '#main/control-plane/apiserver/authentication/authenticator.ts';
import { writeAll } from '#main/control-plane/apiserver/http/answer.ts';
import type { Exchange } from '#main/control-plane/apiserver/http/exchange.ts';
import {
  answerHeaders,
  forwardedFor,
  hasBody,
  passedHeaders,
} from '#main/control-plane/apiserver/proxy/forward.ts';
import { callOver } from '#main/control-plane/apiserver/streaming/http-call.ts';
import type { APIService } from '#shared/api/types/apiregistration-v1.ts';
import { ApiError } from '#shared/kube/errors.ts';

const ownHeaders = /^x-remote-(?:user|uid|group|extra-.*)$/;

/** The APIService that answers a path, if another server does. */
export function foreignFor(
  aggregator: Aggregator | undefined,
  path: string,
): APIService | undefined {
  if (!aggregator || !path.startsWith('/apis/')) return undefined;
  const [, , group = '', version] = path.split('/');
  return version === undefined || version === '' ? undefined : aggregator.leadingTo(group, version);
}

/** Sends a request on to the API server behind an APIService, in the caller's name. */
export async function proxyToService(
  aggregator: Aggregator,
  { exchange, user }: { readonly exchange: Exchange; readonly user: UserInfo },
  apiService: APIService,
): Promise<number> {
  if (!aggregator.isAvailable(apiService)) return unavailable(exchange);
  const { spec } = apiService;
  const { method, path, search, signal } = exchange;
  const headers = Object.fromEntries(
    Object.entries(passedHeaders(exchange.headers)).filter(([name]) => !ownHeaders.test(name)),
  );
  try {
    const connection = await connectToService(aggregator.link, spec, signal);
    const answer = await callOver(connection, {
      method,
      path: path + (search && `?${search}`),
      headers: {
        ...headers,
        ...identityHeaders(user),
        host: hostOfService(spec),
        'x-forwarded-for': forwardedFor(exchange),
      },
      body: hasBody(exchange) ? exchange.body : undefined,
      signal,
    });
    if (!('body' in answer)) throw new Error('unexpected upgrade of a request');
    await writeAll(exchange.open(answer.code, answerHeaders(answer)), answer.body);
    return answer.code;
  } catch (cause) {
    signal.throwIfAborted();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ApiError('ServiceUnavailable', `error trying to reach service: ${why}`, { cause });
  }
}

function unavailable(exchange: Exchange): number {
  const headers = {
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
  };
  exchange.send(503, headers, 'service unavailable\n');
  return 503;
}
