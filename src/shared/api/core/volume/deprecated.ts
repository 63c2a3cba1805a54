/** Sources that Kubernetes gave up, and since when they do nothing. */
const since: Readonly<Record<string, string>> = {
  photonPersistentDisk: 'deprecated in v1.11, non-functional in v1.16+',
  gitRepo: 'deprecated in v1.11, and disabled by default in v1.33+',
  scaleIO: 'deprecated in v1.16, non-functional in v1.22+',
  flocker: 'deprecated in v1.22, non-functional in v1.25+',
  storageos: 'deprecated in v1.22, non-functional in v1.25+',
  quobyte: 'deprecated in v1.22, non-functional in v1.25+',
  glusterfs: 'deprecated in v1.25, non-functional in v1.26+',
  cephfs: 'deprecated in v1.28, non-functional in v1.31+',
  rbd: 'deprecated in v1.28, non-functional in v1.31+',
};
/** Of which a persistent volume does not warn. */
const unmentioned = new Set(['flocker', 'quobyte']);

export function* volumeWarnings(source: object, field: string): Iterable<string> {
  for (const [member, problem] of Object.entries(since)) {
    if (!(member in source)) continue;
    yield `${field}.${member === 'storageos' ? 'storageOS' : member}: ${problem}`;
  }
}

export function* persistentVolumeWarnings(spec: object): Iterable<string> {
  const sources = Object.entries(spec).filter(([member]) => !unmentioned.has(member));
  yield* volumeWarnings(Object.fromEntries(sources), 'spec');
}
