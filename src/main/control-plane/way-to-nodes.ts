import type { NodeConnector } from '#main/control-plane/apiserver/node-connector.ts';
import type { ObjectCache } from '#main/control-plane/apiserver/object-cache.ts';
import { nodes } from '#shared/api/core/node.ts';
import { ApiError } from '#shared/kube/errors.ts';

const simulatedLabel = 'pilothouse.dev/simulated';

/** The way to kubelets. Simulated nodes have none, and say so; to others no tunnel is open. */
export function createWayToNodes(objects: () => ObjectCache | undefined): NodeConnector {
  const refuse = (name: string): never => {
    const node = objects()?.get(nodes, { name });
    if (node?.metadata.labels?.[simulatedLabel] === 'true')
      throw new ApiError(
        'BadRequest',
        `Cannot look into pods on node ${name}: it is simulated and runs no containers; use a real node for logs and terminals`,
      );
    throw new ApiError(
      'ServiceUnavailable',
      `Cannot reach node ${name}: no agent is connected from it; see whether it is running`,
    );
  };
  return {
    async request(node) {
      return refuse(node);
    },
    async upgrade(node) {
      refuse(node);
    },
  };
}
