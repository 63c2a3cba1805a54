/** Lower-case names, pseudo-headers (`:path`) among them; an array where a header counts each time. */
export type RequestHeaders = Record<string, string | string[] | undefined>;

const pseudoHeaders = new Set([':method', ':path', ':scheme', ':authority']);
/** They belong to connections of HTTP/1.1. */
const forbidden = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);
/** Said twice they are no list: the first counts. */
const single = new Set([
  'authorization',
  'content-length',
  'content-type',
  'from',
  'host',
  'if-modified-since',
  'if-unmodified-since',
  'max-forwards',
  'proxy-authorization',
  'referer',
  'user-agent',
]);
const token = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const brokenValue = /[\0\r\n]/;
const entryOverhead = 32;

/** Puts a request's headers together and says whether they are well formed (RFC 9113, section 8). */
export class RequestHead {
  readonly headers = Object.create(null) as RequestHeaders;
  #bytes = 0;
  readonly #mostBytes: number;
  #isMalformed = false;
  #isPastPseudo = false;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  get isTooLarge(): boolean {
    return this.#bytes > this.#mostBytes;
  }

  get isMalformed(): boolean {
    const { ':method': method, ':path': path, ':scheme': scheme } = this.headers;
    if (this.#isMalformed || !method || !scheme || typeof path !== 'string') return true;
    const { 'content-length': length } = this.headers;
    if (length !== undefined && !/^\d+$/.test(String(length))) return true;
    return !path.startsWith('/') && !(path === '*' && method === 'OPTIONS');
  }

  receive(name: string, value: string): void {
    this.#bytes += name.length + value.length + entryOverhead;
    if (this.isTooLarge) return;
    const isPseudo = name.startsWith(':');
    if (isPseudo) {
      this.#isMalformed ||=
        this.#isPastPseudo || !pseudoHeaders.has(name) || this.headers[name] !== undefined;
    } else {
      this.#isPastPseudo = true;
      this.#isMalformed ||= !token.test(name) || forbidden.has(name);
      this.#isMalformed ||= name === 'te' && value.toLowerCase() !== 'trailers';
    }
    this.#isMalformed ||= brokenValue.test(value);
    addHeader(this.headers, name, value);
  }
}

function addHeader(headers: RequestHeaders, name: string, value: string): void {
  const known = headers[name];
  if (known === undefined) headers[name] = value;
  // Every group is one; a name of a group may have commas.
  else if (name.startsWith('impersonate-')) headers[name] = [known, value].flat();
  else if (name === 'cookie') headers[name] = `${String(known)}; ${value}`;
  else if (!single.has(name)) headers[name] = `${String(known)}, ${value}`;
}
