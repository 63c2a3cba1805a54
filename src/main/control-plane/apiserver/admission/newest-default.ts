import type { KubeObject } from '#shared/kube/object.ts';

/** Of the classes that an annotation marks as default the newest, of equally old ones the first by name. */
export function newestDefault<T extends KubeObject>(
  classes: Iterable<T>,
  annotations: readonly string[],
): T | undefined {
  let chosen: T | undefined;
  for (const candidate of classes) {
    const { metadata } = candidate;
    if (!annotations.some((name) => metadata.annotations?.[name] === 'true')) continue;
    if (!chosen || isBefore(metadata, chosen.metadata)) chosen = candidate;
  }
  return chosen;
}

function isBefore(left: KubeObject['metadata'], right: KubeObject['metadata']): boolean {
  const leftTime = left.creationTimestamp ?? '';
  const rightTime = right.creationTimestamp ?? '';
  return leftTime === rightTime ? left.name < right.name : leftTime > rightTime;
}
