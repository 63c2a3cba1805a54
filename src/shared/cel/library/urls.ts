import type { LibraryEntry } from '#shared/cel/functions.ts';
import { Opaque } from '#shared/cel/library/opaque.ts';
import { traversalKeepingSize } from '#shared/cel/library/sizes.ts';
import { CelError, MadeMap, type CelMap } from '#shared/cel/values.ts';

const type = 'kubernetes.URL';

interface Url {
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
  readonly text: string;
}

type CelUrl = Opaque<Url>;

export const urls: readonly LibraryEntry[] = [
  [`url(string): ${type}`, urlOf, traversalKeepingSize(0)],
  [
    'isURL(string): bool',
    (text: string) => typeof parse(text) !== 'string',
    traversalKeepingSize(0),
  ],
  [`${type}::getScheme(): string`, ({ content }: CelUrl) => content.scheme],
  [`${type}::getHost(): string`, ({ content }: CelUrl) => content.host],
  [`${type}::getHostname(): string`, ({ content }: CelUrl) => hostname(content.host)],
  [`${type}::getPort(): string`, ({ content }: CelUrl) => /:(\d*)$/.exec(content.host)?.[1] ?? ''],
  [`${type}::getEscapedPath(): string`, ({ content }: CelUrl) => escapedPath(content.path)],
  [`${type}::getQuery(): map(string, list(string))`, ({ content }: CelUrl) => queryOf(content)],
];

function urlOf(text: string): CelUrl {
  const url = parse(text);
  if (typeof url === 'string') {
    throw new CelError(
      `URL parse error during conversion from string: parse ${JSON.stringify(text)}: ${url}`,
    );
  }
  return new Opaque(type, url, (left, right) => left.text === right.text);
}

/** As Go's url.ParseRequestURI: an absolute URL or an absolute path. */
function parse(text: string): Url | string {
  if (text === '') return 'empty url';
  // eslint-disable-next-line no-control-regex -- Go looks for them as well.
  if (/[\x00-\x1f\x7f]/.test(text)) return 'net/url: invalid control character in URL';
  if (text === '*') return { scheme: '', host: '', path: '*', query: '', text };
  if (text.startsWith(':')) return 'missing protocol scheme';
  const [, scheme = '', rest = ''] = /^(?:([a-zA-Z][a-zA-Z\d+.-]*):)?(.*)$/s.exec(text) ?? [];
  const [beforeQuery, query = ''] = splitOnce(rest, '?');
  if (!beforeQuery.startsWith('/')) {
    if (scheme) return { scheme: scheme.toLowerCase(), host: '', path: '', query, text };
    return 'invalid URI for request';
  }
  const badEscape = /%(?![\da-fA-F]{2}).{0,2}/.exec(beforeQuery)?.[0];
  if (badEscape) return `invalid URL escape ${JSON.stringify(badEscape)}`;
  if (!beforeQuery.startsWith('//') || (!scheme && beforeQuery.startsWith('///'))) {
    return { scheme: scheme.toLowerCase(), host: '', path: beforeQuery, query, text };
  }
  const [authority, path] = splitOnce(beforeQuery.slice(2), '/');
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  const badCharacter = /[\s"<>\\^`{|}]/.exec(host)?.[0];
  if (badCharacter) return `invalid character ${JSON.stringify(badCharacter)} in host name`;
  if (host.startsWith('[') && !host.includes(']')) return "missing ']' in host";
  const port = /:([^\]:]*)$/.exec(host)?.[1] ?? '';
  if (!/^\d*$/.test(port)) return `invalid port ${JSON.stringify(`:${port}`)} after host`;
  return {
    scheme: scheme.toLowerCase(),
    host,
    path: path === undefined ? '' : `/${path}`,
    query,
    text,
  };
}

function splitOnce(text: string, separator: string): readonly [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function hostname(host: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(host)?.[1];
  return bracketed ?? host.replace(/:\d*$/, '');
}

/** Escaped where it has to be, and as it was written where it was escaped already. */
function escapedPath(path: string): string {
  return path.replaceAll(/[^\w\-.~!$&'()*+,/:;=@%[\]]/gu, (character) =>
    encodeURIComponent(character),
  );
}

function queryOf({ query }: Url): CelMap {
  const values = new Map<string, string[]>();
  for (const [key, value] of new URLSearchParams(query)) {
    const known = values.get(key);
    if (known) known.push(value);
    else values.set(key, [value]);
  }
  const map = new MadeMap();
  for (const [key, list] of values) map.set(key, list);
  return map;
}
