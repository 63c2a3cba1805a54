import { defineStore } from 'pinia';
import { watch } from 'vue';
import type { NodeDrain } from '#shared/contract/drains.ts';
import type { App } from '../../app/connection.ts';
import { useNotices } from '../../app/notices.ts';
import type { RunningTask } from '../../app/tasks.ts';
import { useSession } from '../../app/session.ts';
import { messageOf } from '../../composables/message-of.ts';
import { useStream } from '../../composables/use-stream.ts';
import { openTask, type OpenTask } from './open-task.ts';

/**
 * The drains of nodes. They run in the app, whether or not a window is open: each that is under way
 * is one of the tasks here, whoever began it.
 */
export const useDrains = defineStore('drains', () => {
  const session = useSession();
  const notices = useNotices();
  const { now } = useStream((app, signal) => app.drains({}, { signal }));
  const followed = new Map<string, OpenTask>();

  watch(now, (drains = []) => {
    for (const drain of drains) {
      if (drain.state === 'running') follow(drain);
      else settle(drain);
    }
  });

  function follow(drain: NodeDrain): void {
    const known = followed.get(drain.id) ?? openTask(`Drain ${drain.node}`);
    followed.set(drain.id, known);
    report(known, drain);
  }

  function settle(drain: NodeDrain): void {
    const known = followed.get(drain.id);
    if (!known) return;
    followed.delete(drain.id);
    report(known, drain);
    if (drain.state === 'stopped') known.cancel(stoppedText(drain));
    else known.end(drain.problem ?? '');
  }

  async function ask(text: string, question: (app: App) => Promise<unknown>): Promise<void> {
    try {
      if (!session.app) throw new Error('The app is not connected; try again once it is');
      await question(session.app);
    } catch (error) {
      notices.tell({ tone: 'bad', text, detail: messageOf(error) });
    }
  }

  return {
    now,
    of: (node: string) => now.value?.find((drain) => drain.node === node),
    start: (node: string) => ask(`Drain ${node}: not begun`, (app) => app.drainNode({ node })),
    stop: (node: string) => ask(`Drain of ${node}: not stopped`, (app) => app.stopDrain({ node })),
  };
});

function report(task: RunningTask, { gone, total, waitsFor }: NodeDrain): void {
  task.report({
    progress: total === 0 ? 1 : gone / total,
    detail: `${gone} of ${total} pods have gone${waitsFor && `; waits: ${waitsFor}`}`,
  });
}

function stoppedText({ gone, total, node }: NodeDrain): string {
  return `Stopped: ${gone} of ${total} pods have gone, and ${node} stays cordoned`;
}
