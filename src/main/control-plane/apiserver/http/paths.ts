import type { UserInfo } from '#main/control-plane/apiserver/authentication/authenticator.ts';
import type {
  RequestHeaders,
  ResponseHeaders,
} from '#main/control-plane/apiserver/http/exchange.ts';
import type { Query } from '#main/control-plane/apiserver/request/request-info.ts';

/** A request for something that is not a resource: health, version, discovery, OpenAPI. */
export interface PathRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Query;
  readonly headers: RequestHeaders;
  readonly user: UserInfo;
  /** Reads what was sent along. Throws `RequestEntityTooLarge`. */
  body(): Promise<Buffer>;
}

export interface PathAnswer {
  /** 200 unless stated. */
  readonly code?: number;
  readonly contentType: string;
  readonly headers?: ResponseHeaders;
  readonly body: Uint8Array | string;
  /** The body compressed, where it is kept so. */
  readonly gzip?: () => Uint8Array;
}

/** Answers, or leaves it to the next by answering nothing. */
export type PathHandler = (
  request: PathRequest,
) => Promise<PathAnswer | undefined> | PathAnswer | undefined;

/** What is served besides resources, by path. */
export class PathRoutes {
  readonly #exact = new Map<string, PathHandler>();
  readonly #below: { readonly prefix: string; readonly handler: PathHandler }[] = [];

  /** Serves `path`, with or without a slash at its end. */
  add(path: string, handler: PathHandler): void {
    this.#exact.set(path, handler);
  }

  /** Serves every path below `prefix`, which ends with a slash. */
  addBelow(prefix: string, handler: PathHandler): void {
    this.#below.push({ prefix, handler });
  }

  paths(): string[] {
    return [...this.#exact.keys()];
  }

  async serve(request: PathRequest): Promise<PathAnswer | undefined> {
    const { path } = request;
    const trimmed = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
    const answer = await this.#exact.get(trimmed)?.(request);
    if (answer) return answer;
    for (const { prefix, handler } of this.#below) {
      if (!path.startsWith(prefix)) continue;
      const found = await handler(request);
      if (found) return found;
    }
    return undefined;
  }
}

export function jsonAnswer(value: unknown): PathAnswer {
  return { contentType: 'application/json', body: `${JSON.stringify(value)}\n` };
}

export function textAnswer(body: string, code = 200): PathAnswer {
  return {
    code,
    contentType: 'text/plain; charset=utf-8',
    headers: { 'x-content-type-options': 'nosniff' },
    body,
  };
}
