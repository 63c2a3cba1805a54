import type { Route } from '#agent/network/routes.ts';
import { nodes } from '#agent/api/resources.ts';
import type { Node } from '#shared/api/types/core-v1.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { patchTypes } from '#shared/client/transport.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { routesAnnotation } from '#shared/kube/node-routes.ts';

/** Says on the own Node which other nodes' pods there are routes to: the route controller goes by it. */
export async function reportRoutes(
  cluster: Pick<Cluster, 'patch'>,
  node: Node | undefined,
  routes: readonly Route[],
): Promise<void> {
  if (!node) return;
  const ranges = routes.filter(({ via }) => via !== undefined).map(({ range }) => range);
  const value = ranges.toSorted().join(',');
  const { name, annotations } = node.metadata;
  if (annotations?.[routesAnnotation] === value) return;
  const body = { metadata: { annotations: { [routesAnnotation]: value } } };
  try {
    await cluster.patch(nodes, { name }, { type: patchTypes.merge, body });
  } catch (error) {
    // The API is away; it is told when the routes are looked at next.
    if (!ApiError.is(error, 'ServiceUnavailable', 'NotFound')) throw error;
  }
}
