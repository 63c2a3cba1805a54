import { posix } from 'node:path';

/** How addresses in answers are made to lead through the proxy again. */
export interface RewriteOptions {
  /** The path up to the proxied one: `/api/v1/namespaces/default/pods/web/proxy`. */
  readonly prefix: string;
  /** Hosts that the answer may call itself: where it is, and what the client called it. */
  readonly ownHosts: readonly string[];
  readonly requestHost: string;
}

/** A URL of an answer, through the proxy if it stays on that host and starts at its root. */
export function rewriteUrl(url: string, { prefix, ownHosts, requestHost }: RewriteOptions): string {
  const match = /^(?:([a-z][a-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(.*)$/is.exec(url);
  if (!match) return url;
  const [, scheme = '', host = '', path = '', rest = ''] = match;
  if ((host !== '' && !ownHosts.includes(host)) || !path.startsWith('/')) return url;
  const origin = host !== '' && host === requestHost ? `${scheme && `${scheme}:`}//${host}` : '';
  return origin + (path.startsWith(prefix) ? path : posix.join(prefix, path)) + rest;
}

/** Attributes that hold addresses, by tag. */
const linkAttributes: Readonly<Record<string, string>> = {
  a: 'href',
  applet: 'codebase',
  area: 'href',
  audio: 'src',
  base: 'href',
  blockquote: 'cite',
  body: 'background',
  button: 'formaction',
  command: 'icon',
  del: 'cite',
  embed: 'src',
  form: 'action',
  frame: 'longdesc src',
  head: 'profile',
  html: 'manifest',
  iframe: 'longdesc src',
  img: 'longdesc src usemap',
  input: 'src usemap formaction',
  ins: 'cite',
  link: 'href',
  object: 'classid codebase data usemap',
  q: 'cite',
  script: 'src',
  source: 'src',
  video: 'src poster',
};

const piece = /<!--[\s\S]*?(?:-->|$)|<([a-z][^\s/>]*)((?:"[^"]*"|'[^']*'|[^'">])*)>/gi;
const attribute = /([^\s=/"'>]+)(\s*=\s*)(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/g;
const rawText = /^(script|style|textarea|title)$/i;

/** An HTML page whose links lead through the proxy. */
export function rewriteLinks(html: string, options: RewriteOptions): string {
  let result = '';
  let at = 0;
  piece.lastIndex = 0;
  for (let match = piece.exec(html); match; match = piece.exec(html)) {
    const [whole, tag, attributes] = match;
    if (tag === undefined) continue;
    const links = linkAttributes[tag.toLowerCase()]?.split(' ');
    if (links) {
      result += html.slice(at, match.index);
      result += `<${tag}${rewriteAttributes(attributes ?? '', links, options)}>`;
      at = match.index + whole.length;
    }
    if (rawText.test(tag)) piece.lastIndex = endOfRawText(html, tag, piece.lastIndex);
  }
  return result + html.slice(at);
}

function rewriteAttributes(
  text: string,
  links: readonly string[],
  options: RewriteOptions,
): string {
  return text.replaceAll(attribute, (whole, name: string, equals: string, ...values: unknown[]) => {
    if (!links.includes(name.toLowerCase())) return whole;
    const value = values.slice(0, 3).find((each) => each !== undefined) as string;
    const url = value.replaceAll('&amp;', '&');
    const rewritten = rewriteUrl(url, options);
    if (rewritten === url) return whole;
    return `${name}${equals}"${rewritten.replaceAll('&', '&amp;').replaceAll('"', '&#34;')}"`;
  });
}

/** What stands in a script is no markup. */
function endOfRawText(html: string, tag: string, from: number): number {
  const end = html.toLowerCase().indexOf(`</${tag.toLowerCase()}`, from);
  return end < 0 ? html.length : end;
}
