import type { Container, Pod } from '#shared/api/types/core-v1.ts';

/** Labels and annotations by which the kubelet knows its own again, named as upstream's. */
export const labels = {
  podName: 'io.kubernetes.pod.name',
  podNamespace: 'io.kubernetes.pod.namespace',
  podUid: 'io.kubernetes.pod.uid',
  containerName: 'io.kubernetes.container.name',
} as const;

export const annotations = {
  hash: 'io.kubernetes.container.hash',
  restartCount: 'io.kubernetes.container.restartCount',
  messagePath: 'io.kubernetes.container.terminationMessagePath',
  messagePolicy: 'io.kubernetes.container.terminationMessagePolicy',
  ports: 'io.kubernetes.container.ports',
  preStop: 'io.kubernetes.container.preStopHandler',
  deletionGrace: 'io.kubernetes.pod.deletionGracePeriod',
  terminationGrace: 'io.kubernetes.pod.terminationGracePeriod',
} as const;

export function podLabels({ metadata }: Pod): Record<string, string> {
  return {
    [labels.podName]: metadata.name,
    [labels.podNamespace]: metadata.namespace ?? '',
    [labels.podUid]: metadata.uid,
  };
}

export function containerAnnotations(
  pod: Pod,
  container: Container,
  restartCount: number,
): Record<string, string> {
  const { deletionGracePeriodSeconds: deletion } = pod.metadata;
  const { terminationGracePeriodSeconds: termination } = pod.spec;
  const { preStop } = container.lifecycle ?? {};
  return {
    [annotations.hash]: hashOf(container),
    [annotations.restartCount]: String(restartCount),
    [annotations.messagePath]: container.terminationMessagePath ?? '',
    [annotations.messagePolicy]: container.terminationMessagePolicy ?? '',
    ...(container.ports?.length && { [annotations.ports]: JSON.stringify(container.ports) }),
    ...(preStop && { [annotations.preStop]: JSON.stringify(preStop) }),
    ...(deletion !== undefined && { [annotations.deletionGrace]: String(deletion) }),
    ...(termination !== undefined && { [annotations.terminationGrace]: String(termination) }),
  };
}

/** Changes whenever a running container has to be replaced: with its image. */
export function hashOf({ name, image }: Container): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(JSON.stringify([name, image]))) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash.toString(16);
}
