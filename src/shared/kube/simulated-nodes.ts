import type { ObjectMeta } from '#shared/kube/types/meta-v1.ts';

/** Says that no container ever runs on a node: on the node, and in the window. */
export const simulatedLabel = 'pilothouse.dev/simulated';

export function isSimulated({
  metadata,
}: {
  readonly metadata: Pick<ObjectMeta, 'labels'>;
}): boolean {
  return metadata.labels?.[simulatedLabel] === 'true';
}
