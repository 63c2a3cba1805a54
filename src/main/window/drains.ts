import { toldAgain, type ChangingList } from '#main/window/told-again.ts';
import type { Handlers } from '#shared/contract/contract.ts';
import type { drainOperations, NodeDrain } from '#shared/contract/drains.ts';

export interface DrainServices extends ChangingList<NodeDrain> {
  run(node: string): Promise<void>;
  stop(node: string): Promise<void>;
}

/** Answers what the window asks about drains; one that has begun does not need the window. */
export function drainHandlers(drains: DrainServices): Handlers<typeof drainOperations> {
  return {
    drains: (_input, { signal }) => toldAgain(drains, signal),
    drainNode({ node }) {
      drains.run(node).catch(() => {}); // told in the list
      return null;
    },
    async stopDrain({ node }) {
      await drains.stop(node);
      return null;
    },
  };
}
