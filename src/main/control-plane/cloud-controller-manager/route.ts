import { conditionOf, nowText } from '#main/control-plane/controller-manager/conditions.ts';
import { nodes } from '#shared/api/core/node.ts';
import type { Node, NodeCondition } from '#shared/api/types/core-v1.ts';
import { controller, trigger, type Controller } from '#shared/kube/controller.ts';
import { routedRanges, routesAnnotation } from '#shared/kube/node-routes.ts';
import { isSimulated } from '#shared/kube/simulated-nodes.ts';

/**
 * Says of each node whether its pods can reach those of other nodes: upstream's route controller,
 * where the routes are set by the nodes' agents. A node that was connected once stays so while
 * routes to newcomers are under way.
 */
export function createRouteController(): Controller<Node> {
  return controller<Node>({
    name: 'route-controller',
    watches: nodes,
    triggers: [
      trigger(nodes, ({ before, after }, cache) => {
        if (before && after && before.spec.podCIDR === after.spec.podCIDR) return [];
        const others: string[] = [];
        for (const { metadata } of cache.list(nodes)) others.push(metadata.name);
        return others;
      }),
    ],
    async reconcile(node, { cache, cluster, clock }) {
      if (isSimulated(node) || node.metadata.annotations?.[routesAnnotation] === undefined) return;
      const known = conditionOf(node.status.conditions, 'NetworkUnavailable');
      const isConnected =
        missingRanges(node, cache.list(nodes)).length === 0 ||
        (known?.status === 'False' && node.spec.podCIDR !== undefined);
      const status = isConnected ? 'False' : 'True';
      if (known?.status === status) return;
      const at = nowText(clock);
      const condition: NodeCondition = {
        type: 'NetworkUnavailable',
        status,
        lastHeartbeatTime: at,
        lastTransitionTime: at,
        ...(isConnected
          ? { reason: 'RouteCreated', message: 'RouteController created a route' }
          : { reason: 'NoRouteCreated', message: 'RouteController failed to create a route' }),
      };
      const body = { status: { conditions: [condition] } };
      const patch = { type: 'strategic', body, subresource: 'status' } as const;
      await cluster.patch(nodes, { name: node.metadata.name }, patch);
    },
  });
}

/** Pure: the pod ranges that the node has no route to yet; its own first while it has none itself. */
export function missingRanges(node: Node, all: Iterable<Node>): readonly string[] {
  if (!node.spec.podCIDR) return ['its own'];
  const routed = routedRanges(node.metadata.annotations?.[routesAnnotation] ?? '');
  const missing: string[] = [];
  for (const other of all) {
    const hasAgent = other.metadata.annotations?.[routesAnnotation] !== undefined;
    if (other.metadata.name === node.metadata.name || !hasAgent) continue;
    const { podCIDR } = other.spec;
    if (podCIDR && !routed.has(podCIDR)) missing.push(podCIDR);
  }
  return missing;
}
