import { readNode, removeNode } from '#main/clusters/node-records.ts';
import { enterAsAsked, stepOf, type NodeMakingOptions } from '#main/commands/window-add-node.ts';
import type { Drains } from '#main/drain/drains.ts';
import { deprovision } from '#main/provision/provision.ts';
import type { Dialogue, NodeServices } from '#main/window/nodes.ts';
import type { RemoveNodeEvent } from '#shared/contract/nodes.ts';

export interface NodeRemovingOptions extends NodeMakingOptions {
  readonly drains: Drains;
}

/**
 * What `pilothouse node remove` does, with the window's person in the terminal's place. Of a node
 * that was not added from here it deletes the object, and touches no machine.
 */
export function nodeRemover(options: NodeRemovingOptions): NodeServices['removeNode'] {
  const { profile, links, drains } = options;
  return async ({ node, identity, drains: isDrained, forgets }, dialogue) => {
    const { tell, signal } = dialogue;
    const record = await readNode(profile.nodes, node);
    await using stack = new AsyncDisposableStack();
    // Whether we may work on the machine is found out before anything has been done.
    const login =
      record && !forgets
        ? stack.use(await enterAsAsked({ machine: record.machine, identity }, options, dialogue))
        : undefined;
    if (login) tell({ type: 'entered' });
    if (isDrained) await drained(node, drains, dialogue);
    signal.throwIfAborted();
    if (login) await deprovision(login.machine, (event) => tell(stepOf(event)), { signal });
    await links.handlers.unlink(node);
    await removeNode(profile.nodes, node);
    tell({ type: 'done' });
  };
}

async function drained(
  node: string,
  drains: Drains,
  { tell, signal }: Dialogue<RemoveNodeEvent>,
): Promise<void> {
  using _listening = drains.subscribe(() => {
    const now = drains.list().find((each) => each.node === node);
    if (!now) return;
    const { gone, total, waitsFor } = now;
    tell({ type: 'drain', gone, total, waitsFor });
  });
  signal.addEventListener('abort', () => void drains.stop(node), { once: true });
  await drains.run(node);
}
