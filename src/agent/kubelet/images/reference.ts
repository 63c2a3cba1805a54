const component = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const host =
  '(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?';
const reference = new RegExp(
  `^((?:${host}/)?${component}(?:/${component})*)(?::([\\w][\\w.-]{0,127}))?(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$`,
);

/** The image's name with `:latest` where it says neither tag nor digest. Throws for what is no name. */
export function withDefaultTag(image: string): string {
  const match = reference.exec(image);
  if (!match) {
    const isUpper = reference.test(image.toLowerCase());
    const why = isUpper ? 'repository name must be lowercase' : 'invalid reference format';
    throw new Error(`couldn't parse image name "${image}": ${why}`);
  }
  const [, , tag, digest] = match;
  return tag || digest ? image : `${image}:latest`;
}

/** The registry that a name refers to, as credentials are filed under. */
export function registryOf(image: string): string {
  const [first = '', ...rest] = image.split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  return isHost ? first : 'docker.io';
}
