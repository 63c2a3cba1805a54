/** References to images, as far as their tag decides the pull policy. */

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const domainPart = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const domain = `(?:${domainPart}(?:\\.${domainPart})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const reference = new RegExp(
  `^(${domain}/)?(${component}(?:/${component})*)(?::(\\w[\\w.-]{0,127}))?(?:@(\\S+))?$`,
);
const digestLengths: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

/** `latest` where neither tag nor digest is given; `undefined` for what is no reference. */
export function imageTag(image: string): string | undefined {
  if (/^[a-f0-9]{64}$/.test(image)) return undefined;
  const match = reference.exec(withDomain(image));
  if (!match) return undefined;
  const [, host = '', path = '', tag, digest] = match;
  if (host.length + path.length > 255) return undefined;
  if (digest !== undefined && !isDigest(digest)) return undefined;
  return tag ?? (digest === undefined ? 'latest' : '');
}

/** What has no registry is Docker's, its official images in `library`. */
function withDomain(image: string): string {
  const slash = image.indexOf('/');
  const first = image.slice(0, Math.max(slash, 0));
  const isDomain =
    slash >= 0 && (/[.:]/.test(first) || first === 'localhost' || /[A-Z]/.test(first));
  if (isDomain) return image;
  return slash < 0 ? `docker.io/library/${image}` : `docker.io/${image}`;
}

function isDigest(digest: string): boolean {
  const [algorithm = '', hex = ''] = digest.split(':');
  return digestLengths[algorithm] === hex.length && /^[a-f0-9]+$/.test(hex);
}
