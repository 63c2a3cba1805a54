import { promisify } from 'node:util';
import { gzip as gzipWithCallback } from 'node:zlib';
import {
  headerOf,
  type Exchange,
  type ResponseHeaders,
  type ResponseStream,
} from '#main/control-plane/apiserver/http/exchange.ts';
import { negotiate, type Representation } from '#main/control-plane/apiserver/http/media-types.ts';
import { isTrue, type Query } from '#main/control-plane/apiserver/request/request-info.ts';
import type { ResourceResponse } from '#main/control-plane/apiserver/request/resource-request.ts';

const gzip = promisify(gzipWithCallback);

/** Upstream compresses answers from this size on, as cheaply as possible. */
const gzipFromBytes = 128 * 1024;

/** Passes bytes on as they come. */
export async function streamTo(
  exchange: Exchange,
  headers: ResponseHeaders,
  { code, contentType, body }: ResourceResponse & { readonly type: 'stream' },
): Promise<number> {
  await writeAll(exchange.open(code, { ...headers, 'content-type': contentType }), body);
  return code;
}

/** Writes as fast as the client reads; a source that breaks off ends the answer early. */
export async function writeAll(
  stream: ResponseStream,
  body: AsyncIterable<Uint8Array>,
): Promise<void> {
  try {
    for await (const chunk of body) {
      stream.write(chunk);
      await stream.room();
    }
    stream.end();
  } catch {
    stream.destroy(); // the headers are gone: all that can be told is that this was not the whole
  }
}

export interface Answer {
  readonly code: number;
  readonly headers: ResponseHeaders;
  readonly body: Uint8Array;
  readonly gzip?: (() => Uint8Array) | undefined;
}

export async function sendCompressed(exchange: Exchange, answer: Answer): Promise<void> {
  const { code, headers, body } = answer;
  if (body.length < gzipFromBytes || !acceptsGzip(exchange)) {
    exchange.send(code, headers, body);
    return;
  }
  const compressed = answer.gzip?.() ?? (await gzip(body, { level: 1 }));
  exchange.send(
    code,
    { vary: 'Accept-Encoding', ...headers, 'content-encoding': 'gzip' },
    compressed,
  );
}

export function acceptsGzip({ headers }: Exchange): boolean {
  return (headerOf(headers, 'accept-encoding') ?? '').includes('gzip');
}

/** Asked for, or somebody looks at it with curl or wget. */
export function wantsPretty({
  query,
  headers,
}: {
  query: Query;
  headers: Exchange['headers'];
}): boolean {
  const { pretty } = query;
  if (pretty !== undefined) return isTrue(pretty);
  return /^(curl|Wget|Mozilla\/5\.0)/.test(headerOf(headers, 'user-agent') ?? '');
}

/** A refusal is written as the answer would have been, JSON where that is not possible. */
export function errorFormat({ headers }: Exchange): Pick<Representation, 'format' | 'contentType'> {
  try {
    return negotiate(headerOf(headers, 'accept'), { isResource: true });
  } catch {
    return { format: 'json', contentType: 'application/json' }; // the refusal may be about the header itself
  }
}

export function warningHeaders(warnings: readonly string[]): ResponseHeaders {
  if (warnings.length === 0) return {};
  return { warning: warnings.map((sentence) => `299 - ${quoted(sentence)}`) };
}

/** An HTTP quoted string without control characters, which headers cannot carry. */
function quoted(sentence: string): string {
  const printable = sentence.replaceAll(/\p{Cc}+/gu, ' ');
  return `"${printable.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
