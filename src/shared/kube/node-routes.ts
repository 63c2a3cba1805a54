/**
 * On a Node: to which other nodes' pod ranges its agent has routes, sorted and comma-separated; empty
 * while it has none. A node without it has its network from somebody else.
 */
export const routesAnnotation = 'pilothouse.dev/routes-to';

/** Marks a node's routes that are ours among all others (`ip route show proto 180`). */
export const routeProtocol = '180';

/** The annotation's value as ranges. */
export function routedRanges(value: string): ReadonlySet<string> {
  return new Set(value.split(',').filter((range) => range !== ''));
}
