import type { Container, Pod } from '#shared/api/types/core-v1.ts';

export type ContainerKind = 'init' | 'regular' | 'ephemeral';

/** Names the container within its pod, as events do. */
export function fieldPathOf(kind: ContainerKind, name: string): string {
  const lists = { init: 'initContainers', regular: 'containers', ephemeral: 'ephemeralContainers' };
  return `spec.${lists[kind]}{${name}}`;
}

/** Ephemeral containers have all that the others have, resources excepted. */
export function ephemeralContainers({ spec }: Pod): readonly Container[] {
  return (spec.ephemeralContainers ?? []).map((one) => ({ ...one, resources: {} }));
}

export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

export interface PlacedContainer {
  readonly container: Container;
  readonly kind: ContainerKind;
}

/** Every container of the pod: init containers first, ephemeral ones last. */
export function allContainers(pod: Pod): readonly PlacedContainer[] {
  const placed =
    (kind: ContainerKind) =>
    (container: Container): PlacedContainer => ({ container, kind });
  return [
    ...(pod.spec.initContainers ?? []).map(placed('init')),
    ...pod.spec.containers.map(placed('regular')),
    ...ephemeralContainers(pod).map(placed('ephemeral')),
  ];
}

export function findContainer(pod: Pod, name: string): PlacedContainer | undefined {
  return allContainers(pod).find(({ container }) => container.name === name);
}

/** Static pods come from files; their mirrors at the API only show them. */
export function isStatic({ metadata }: Pod): boolean {
  const source = metadata.annotations?.['kubernetes.io/config.source'];
  return source !== undefined && source !== 'api';
}

export function isMirror({ metadata }: Pod): boolean {
  return metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined;
}

const systemCriticalPriority = 2_000_000_000;

/** Runs whatever happens: static and mirror pods, and those of the highest priorities. */
export function isCritical(pod: Pod): boolean {
  return isStatic(pod) || isMirror(pod) || (pod.spec.priority ?? 0) >= systemCriticalPriority;
}
