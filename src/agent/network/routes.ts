import type { RunProgram } from '#agent/nftables/program.ts';
import { podRangeOf } from '#agent/network/node-ranges.ts';
import type { Node } from '#shared/api/types/core-v1.ts';
import { isIpv6 } from '#shared/kube/ip.ts';
import { routeProtocol } from '#shared/kube/node-routes.ts';

/** Behind any route that a pod's own link brings. */
const lastMetric = 4096;

/** A range of pods and the node that has them; without one, nobody else has them either. */
export interface Route {
  readonly range: string;
  readonly via: string | undefined;
}

/** The ways to other nodes' pods, and the end of the road for addresses of ours that no pod has. */
export function wantedRoutes(nodes: Iterable<Node>, ownName: string): readonly Route[] {
  return [...nodes].flatMap((node): Route | [] => {
    const range = podRangeOf(node);
    if (range === undefined) return [];
    if (node.metadata.name === ownName) return { range, via: undefined };
    const via = internalAddressOf(node);
    return via === undefined ? [] : { range, via };
  });
}

/** The changes that lead from one set of routes to another: those gone, then those to set. */
export function routeChanges(
  found: readonly Route[],
  wanted: readonly Route[],
): { readonly gone: readonly Route[]; readonly set: readonly Route[] } {
  const isSame = (a: Route) => (b: Route) => a.range === b.range && a.via === b.via;
  const isOver = (a: Route) => (b: Route) =>
    a.range === b.range && (a.via === undefined) === (b.via === undefined);
  return {
    gone: found.filter((route) => !wanted.some(isOver(route))),
    set: wanted.filter((route) => !found.some(isSame(route))),
  };
}

export async function ownRoutes(run: RunProgram): Promise<readonly Route[]> {
  const listed = JSON.parse(
    (await run('ip', ['-j', '-4', 'route', 'show', 'proto', routeProtocol])) || '[]',
  ) as readonly {
    readonly dst: string;
    readonly gateway?: string;
  }[];
  return listed.map(({ dst, gateway }) => ({
    range: dst.includes('/') ? dst : `${dst}/32`,
    via: gateway,
  }));
}

export async function setRoute(run: RunProgram, { range, via }: Route): Promise<void> {
  const way =
    via === undefined ? ['unreachable', range, 'metric', String(lastMetric)] : [range, 'via', via];
  await run('ip', ['route', 'replace', ...way, 'proto', routeProtocol]);
}

export async function removeRoute(run: RunProgram, { range, via }: Route): Promise<void> {
  const way = via === undefined ? ['unreachable', range] : [range, 'via', via];
  await run('ip', ['route', 'delete', ...way, 'proto', routeProtocol]);
}

function internalAddressOf({ status }: Node): string | undefined {
  return (status.addresses ?? []).find(
    ({ type, address }) => type === 'InternalIP' && !isIpv6(address),
  )?.address;
}
