import { defineStore } from 'pinia';
import { reactive, shallowRef, type ShallowRef } from 'vue';
import type { AddNodeEvent, NodeToAdd } from '#shared/contract/nodes.ts';
import { useSession } from '../../app/session.ts';
import { messageOf } from '../../composables/message-of.ts';
import { apply, machineOf, newAdding, type Adding } from './adding.ts';
import { useConversation } from './conversation.ts';
import { openTask, progressOf, type OpenTask } from './open-task.ts';

/** The machine that is being added: it goes on wherever the window is, and ends with it. */
export const useAdding = defineStore('adding', () => {
  const session = useSession();
  const conversation = useConversation();
  /** Which door is open; none while nothing is being added. */
  const door: ShallowRef<'ssh' | 'local' | undefined> = shallowRef();
  const asked = reactive({ address: '', identity: '', nodeName: '' });
  const adding = shallowRef<Adding>(newAdding());
  const isRunning = shallowRef(false);

  /** Begins, or begins again: what has been done on the machine is found there and not repeated. */
  async function begin(): Promise<void> {
    const { app } = session;
    const machine = machineAsked(door.value, asked.address);
    if (!app || !machine || isRunning.value) return;
    const { id, signal } = conversation.begin();
    const wanted: NodeToAdd = {
      id,
      machine,
      ...(asked.identity && { identity: asked.identity }),
      ...(asked.nodeName && { nodeName: asked.nodeName }),
    };
    adding.value = newAdding();
    adding.value.stage = 'key';
    isRunning.value = true;
    await follow(adding.value, app.addNode(wanted, { signal }), signal);
    isRunning.value = false;
  }

  async function attempt(work: () => Promise<unknown> | undefined): Promise<void> {
    try {
      await work();
    } catch (error) {
      adding.value.problem = messageOf(error);
    }
  }

  return {
    door,
    asked,
    adding,
    isRunning,
    begin,
    cancel: () =>
      conversation.leave('Cancelled: what has been done stays, and is gone on with next time'),
    answer(given: string | boolean | null) {
      const { question } = adding.value;
      adding.value.question = undefined;
      return attempt(() => question && conversation.answer(question, given));
    },
    approve() {
      adding.value.stage = 'run';
      return attempt(() => session.app?.approveNodePlan({ id: conversation.id }));
    },
    open(through: 'ssh' | 'local') {
      adding.value = newAdding();
      door.value = through;
    },
    close() {
      door.value = undefined;
    },
  };
});

/** Takes in all that happens; ends with it. */
async function follow(
  adding: Adding,
  events: AsyncIterable<AddNodeEvent>,
  signal: AbortSignal,
): Promise<void> {
  let task: OpenTask | undefined;
  try {
    for await (const event of events) {
      apply(adding, event);
      if (event.type !== 'step') continue;
      // Only what changes the machine is a task; what went wrong before is told here alone.
      task ??= openTask(`Make ${adding.facts?.node ?? 'a machine'} a node`);
      task.report(progressOf(adding));
    }
  } catch (error) {
    adding.problem = messageOf(error);
  }
  if (signal.aborted) task?.cancel(adding.problem);
  else task?.end(adding.problem);
}

function machineAsked(
  door: 'ssh' | 'local' | undefined,
  address: string,
): NodeToAdd['machine'] | undefined {
  if (door === 'local') return { type: 'local' };
  const machine = machineOf(address);
  return typeof machine === 'string' ? undefined : { type: 'ssh', ...machine };
}
