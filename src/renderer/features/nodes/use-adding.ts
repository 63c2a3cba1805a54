import { defineStore } from 'pinia';
import { reactive, shallowRef, type ShallowRef } from 'vue';
import type { NodeToAdd } from '#shared/contract/nodes.ts';
import { useSession } from '../../app/session.ts';
import { useTasks, type RunningTask } from '../../app/tasks.ts';
import { messageOf } from '../../composables/message-of.ts';
import { apply, machineOf, newAdding, type Adding } from './adding.ts';
import { useConversation } from './conversation.ts';

/** The machine that is being added: it goes on wherever the window is, and ends with it. */
export const useAdding = defineStore('adding', () => {
  const session = useSession();
  const tasks = useTasks();
  const conversation = useConversation();
  /** Which door is open; none while nothing is being added. */
  const door: ShallowRef<'ssh' | 'local' | undefined> = shallowRef();
  const asked = reactive({ address: '', identity: '', nodeName: '' });
  const adding = shallowRef<Adding>(newAdding());
  const isRunning = shallowRef(false);

  /** Begins, or begins again: what has been done on the machine is found there and not repeated. */
  async function begin(): Promise<void> {
    const { app } = session;
    const machine = machineAsked();
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
    let task: { report: RunningTask['report']; end(): void } | undefined;
    try {
      for await (const event of app.addNode(wanted, { signal })) {
        apply(adding.value, event);
        if (event.type === 'step') {
          task ??= follow(adding.value);
          task.report(progressOf(adding.value));
        }
      }
    } catch (error) {
      adding.value.problem = messageOf(error);
    } finally {
      isRunning.value = false;
      task?.end();
    }
  }

  /** Only what changes the machine is a task; what went wrong is told where it is being added. */
  function follow({ facts }: Adding): { report: RunningTask['report']; end(): void } {
    const ended = Promise.withResolvers<void>();
    let report: RunningTask['report'] = () => {};
    void tasks.run(`Make ${facts?.node ?? 'a machine'} a node`, (task) => {
      ({ report } = task);
      return ended.promise;
    });
    const end = (): void => {
      const { problem } = adding.value;
      if (problem) ended.reject(new Error(problem));
      else ended.resolve();
    };
    return { report: (now) => report(now), end };
  }

  function machineAsked(): NodeToAdd['machine'] | undefined {
    if (door.value === 'local') return { type: 'local' };
    const machine = machineOf(asked.address);
    return typeof machine === 'string' ? undefined : { type: 'ssh', ...machine };
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

function progressOf({ steps }: Adding): Parameters<RunningTask['report']>[0] {
  const running = steps.find(({ state }) => state === 'running');
  const done = steps.filter(({ state }) => state === 'done').length;
  return {
    progress: steps.length === 0 ? 0 : done / steps.length,
    detail: running ? [running.step, running.output.at(-1)].filter(Boolean).join(': ') : '',
  };
}
