import type { Pod } from '#shared/api/types/core-v1.ts';
import type { IPBlock, NetworkPolicy } from '#shared/api/types/networking-v1.ts';
import { compilePolicy, type Direction } from '#shared/policy/compile.ts';
import type { PolicyModel } from '#shared/policy/model.ts';
import type { PortMatch } from '#shared/policy/ports.ts';

/** What one rule lets through to (or from) the pods that its policy selects. */
export interface Opening {
  readonly direction: Direction;
  readonly index: number;
  /** `anyone`: no peer is named. Otherwise the pods and the address ranges that are meant now. */
  readonly peers: 'anyone' | { readonly pods: readonly Pod[]; readonly blocks: readonly IPBlock[] };
  readonly ports: 'every port' | readonly PortMatch[];
}

/** Whom a policy is about, in which directions it isolates them, and what it lets through. */
export interface PolicyMeaning {
  readonly selected: readonly Pod[];
  readonly isolates: readonly Direction[];
  readonly openings: readonly Opening[];
}

export function meaningOf(model: PolicyModel, policy: NetworkPolicy): PolicyMeaning {
  const compiled = compilePolicy(policy);
  const directions = (['ingress', 'egress'] as const).filter((name) => compiled.rules[name]);
  return {
    selected: model.selectedBy(compiled),
    isolates: directions,
    openings: directions.flatMap((direction) =>
      (compiled.rules[direction] ?? []).map(({ index, peers, ports }): Opening => ({
        direction,
        index,
        ports: ports ?? 'every port',
        peers: peers
          ? {
              pods: [...new Set(peers.flatMap((peer) => model.podsOf(peer, compiled)))],
              blocks: peers.flatMap((peer) => ('block' in peer ? peer.block.source : [])),
            }
          : 'anyone',
      })),
    ),
  };
}
