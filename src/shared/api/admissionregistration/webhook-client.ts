import { invalidEach } from '#shared/kube/checks.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidValue, required } from '#shared/kube/field-error.ts';
import { dns1123Subdomain, portNumber } from '#shared/kube/names.ts';

/** How a server reaches a webhook, which admission and conversion share. */
export interface WebhookClient {
  readonly url?: string;
  readonly service?: {
    readonly namespace: string;
    readonly name: string;
    readonly path?: string;
    readonly port?: number;
  };
}

interface Url {
  readonly scheme: string;
  readonly user: string;
  readonly host: string;
  readonly query: string;
  readonly fragment: string;
}

const form = '; desired format: https://host[/path]';

export function* validateWebhookClient(
  { url, service }: WebhookClient,
  field: string,
): Iterable<FieldError> {
  if ((url === undefined) === (service === undefined)) {
    yield required(field, 'exactly one of url or service is required');
  } else if (url !== undefined) yield* validateUrl(url, `${field}.url`);
  else yield* validateService(service!, `${field}.service`);
}

function* validateUrl(text: string, field: string): Iterable<FieldError> {
  const url = parseUrl(text);
  if (typeof url === 'string') {
    yield required(field, `url must be a valid URL: parse ${JSON.stringify(text)}: ${url}${form}`);
    return;
  }
  const { scheme, host, user, fragment, query } = url;
  if (scheme !== 'https') {
    yield invalidValue(field, scheme, `'https' is the only allowed URL scheme${form}`);
  }
  if (!host) yield invalidValue(field, host, `host must be specified${form}`);
  if (user) yield invalidValue(field, user, 'user information is not permitted in the URL');
  if (fragment) yield invalidValue(field, fragment, 'fragments are not permitted in the URL');
  if (query) yield invalidValue(field, query, 'query parameters are not permitted in the URL');
}

/** As Go's url.Parse, which takes nearly anything; what is wrong if it does not. */
function parseUrl(text: string): Url | string {
  // eslint-disable-next-line no-control-regex -- Go looks for them as well.
  if (/[\x00-\x1f\x7f]/.test(text)) return 'net/url: invalid control character in URL';
  const [beforeFragment, fragment = ''] = split(text, '#');
  if (beforeFragment.startsWith(':')) return 'missing protocol scheme';
  const [, scheme = '', afterScheme = beforeFragment] =
    /^([a-zA-Z][a-zA-Z0-9+.-]*):(.*)$/s.exec(beforeFragment) ?? [];
  const [rest, query = ''] = split(afterScheme, '?');
  const badEscape = /%(?![0-9a-fA-F]{2}).{0,2}/.exec(rest)?.[0];
  if (badEscape) return `invalid URL escape ${JSON.stringify(badEscape)}`;
  if (!rest.startsWith('//')) {
    if (!scheme && rest.split('/')[0]!.includes(':')) {
      return 'first path segment in URL cannot contain colon';
    }
    return { scheme, user: '', host: '', query, fragment };
  }
  const authority = rest.slice(2).split('/')[0]!;
  const at = authority.lastIndexOf('@');
  const host = authority.slice(at + 1);
  const badCharacter = /[\s"<>\\^`{|}]/.exec(host)?.[0];
  if (badCharacter) return `invalid character ${JSON.stringify(badCharacter)} in host name`;
  const port = /:([^\]:]*)$/.exec(host)?.[1] ?? '';
  if (!/^\d*$/.test(port)) return `invalid port ${JSON.stringify(`:${port}`)} after host`;
  return {
    scheme: scheme.toLowerCase(),
    user: authority.slice(0, Math.max(at, 0)),
    host,
    query,
    fragment,
  };
}

function split(text: string, separator: string): [before: string, after?: string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function* validateService(
  { name, namespace, path, port = 0 }: NonNullable<WebhookClient['service']>,
  field: string,
): Iterable<FieldError> {
  // Upstream mistakes one for the other here; whichever is missing is named as the other.
  if (!namespace) yield required(`${field}.name`);
  if (!name) yield required(`${field}.namespace`);
  const problems = portNumber(port);
  if (problems.length > 0) {
    yield invalidValue(`${field}.port`, port, `port is not valid: ${problems.join(', ')}`);
  }
  if (path) yield* invalidEach(`${field}.path`, path, pathProblems(path));
}

function pathProblems(path: string): readonly string[] {
  if (path === '/') return [];
  if (path === '//') return ['segment[0] may not be empty'];
  const inner = path.endsWith('/') ? path.slice(1, -1) : path.slice(1);
  const segments = inner.split('/').flatMap((segment, index) => {
    if (!segment) return `segment[${index}] may not be empty`;
    return dns1123Subdomain(segment).map((problem) => `segment[${index}]: ${problem}`);
  });
  return path.startsWith('/') ? segments : ["must start with a '/'", ...segments];
}
