import type { PodSpec } from '#shared/api/types/core-v1.ts';
import { volumeWarnings } from '#shared/api/core/volume/deprecated.ts';

/** What is accepted though it does nothing or says something twice. */
export function* podWarnings(spec: PodSpec): Iterable<string> {
  for (const [index, volume] of (spec.volumes ?? []).entries()) {
    yield* volumeWarnings(volume, `spec.volumes[${index}]`);
  }
  const addresses = (spec.hostAliases ?? []).map(({ ip }) => ip);
  yield* repeated(addresses, (index) => `spec.hostAliases[${index}].ip: duplicate ip`);
  const secrets = (spec.imagePullSecrets ?? []).map(({ name }) => name ?? '');
  yield* repeated(secrets, (index) => `spec.imagePullSecrets[${index}].name: duplicate name`);
  for (const [index, name] of secrets.entries()) {
    if (!name) yield `spec.imagePullSecrets[${index}].name: invalid empty name ""`;
  }
}

function* repeated(
  values: readonly string[],
  sentence: (index: number) => string,
): Iterable<string> {
  for (const [index, value] of values.entries()) {
    if (values.indexOf(value) < index) yield `${sentence(index)} ${JSON.stringify(value)}`;
  }
}
