import type { Container, EphemeralContainer, PodSpec } from '#shared/api/types/core-v1.ts';

const lists = ['initContainers', 'containers', 'ephemeralContainers'] as const;

/** Init, normal and ephemeral containers with their field paths. */
export function* eachContainer(
  spec: PodSpec,
  field: string,
): Iterable<[Container | EphemeralContainer, string]> {
  for (const list of lists) {
    const containers = spec[list];
    if (!containers) continue;
    for (let index = 0; index < containers.length; index++) {
      yield [containers[index]!, `${field}.${list}[${index}]`];
    }
  }
}
