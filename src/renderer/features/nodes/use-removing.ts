import { defineStore } from 'pinia';
import { shallowRef } from 'vue';
import { usePlace } from '../../app/place.ts';
import { useSession } from '../../app/session.ts';
import { useTasks } from '../../app/tasks.ts';
import { messageOf } from '../../composables/message-of.ts';
import { useConversation } from './conversation.ts';
import { applyRemoval, newRemoving, type Removing } from './removing.ts';

export interface RemovalWish {
  readonly identity: string;
  readonly drains: boolean;
  readonly forgets: boolean;
}

/** The node that is being removed: it goes on wherever the window is, and ends with it. */
export const useRemoving = defineStore('removing', () => {
  const session = useSession();
  const tasks = useTasks();
  const place = usePlace();
  const conversation = useConversation();
  const removing = shallowRef<Removing>();

  /** Begins, or goes on where it broke off. */
  async function begin({ identity, drains, forgets }: RemovalWish): Promise<void> {
    const { app } = session;
    const current = removing.value;
    if (!app || !current || current.isRunning) return;
    const { node } = current;
    const { id, signal } = conversation.begin();
    current.isRunning = true;
    current.problem = '';
    const wanted = { id, node, drains, forgets, ...(identity && { identity }) };
    await tasks.run(`Remove ${node}`, async (task) => {
      try {
        for await (const event of app.removeNode(wanted, { signal })) {
          applyRemoval(current, event);
          const running = current.steps.find(({ state }) => state === 'running');
          if (running) task.report({ detail: running.step });
        }
        if (place.object === node) place.go({ object: '' });
      } catch (error) {
        current.problem = messageOf(error);
        throw error;
      } finally {
        current.isRunning = false;
      }
    });
  }

  return {
    removing,
    begin,
    ask(node: string) {
      if (!removing.value?.isRunning) removing.value = newRemoving(node);
    },
    cancel: () =>
      conversation.leave(
        'Cancelled: what has been taken back is, and the rest can be gone on with',
      ),
    answer(given: string | boolean | null) {
      const question = removing.value?.question;
      if (!question || !removing.value) return undefined;
      removing.value.question = undefined;
      return conversation.answer(question, given);
    },
    close() {
      if (!removing.value?.isRunning) removing.value = undefined;
    },
  };
});
