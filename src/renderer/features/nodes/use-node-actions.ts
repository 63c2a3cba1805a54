import { systemClock } from '#shared/base/system-clock.ts';
import { useConfirm } from '../../app/confirm.ts';
import { usePlace } from '../../app/place.ts';
import { useSession } from '../../app/session.ts';
import { useTasks } from '../../app/tasks.ts';
import { drain, setCordoned } from './drain.ts';
import type { DrainPlan } from './drain-plan.ts';

export interface NodeActions {
  cordon(node: string, isCordoned: boolean): Promise<void>;
  drain(node: string, plan: DrainPlan, signal: AbortSignal): Promise<void>;
  remove(node: string, podsOnIt: number): Promise<void>;
}

/** What is done to nodes, each as a task that everybody can see. */
export function useNodeActions(): NodeActions {
  const session = useSession();
  const tasks = useTasks();
  const confirm = useConfirm();
  const place = usePlace();
  return {
    async cordon(node, isCordoned) {
      const { app } = session;
      const title = isCordoned ? `Cordon ${node}` : `Uncordon ${node}`;
      if (app) await tasks.run(title, () => setCordoned(app, node, isCordoned));
    },
    async drain(node, { leaving }, signal) {
      const { app } = session;
      if (!app) return;
      await tasks.run(`Drain ${node}`, (task) =>
        drain(app, node, leaving, {
          clock: systemClock,
          signal,
          report: ({ gone, total, waitsFor }) =>
            task.report({
              progress: total === 0 ? 1 : gone / total,
              detail: `${gone} of ${total} pods have gone${waitsFor && `; waits: ${waitsFor}`}`,
            }),
        }),
      );
    },
    async remove(node, podsOnIt) {
      const { app } = session;
      const isMeant = await confirm.ask({
        title: `Remove ${node}?`,
        consequences: [
          podsOnIt === 0
            ? 'No pod is on it.'
            : `${podsOnIt} ${podsOnIt === 1 ? 'pod is' : 'pods are'} still on it and will be deleted; drain it first to move them in peace.`,
          'The machine itself is not touched. If its agent still runs, it registers again.',
        ],
        verb: `Remove ${node}`,
        isDangerous: true,
      });
      if (!app || !isMeant) return;
      await tasks.run(`Remove ${node}`, () =>
        app.request({ group: '', version: 'v1', plural: 'nodes', name: node, verb: 'delete' }),
      );
      place.go({ object: '' });
    },
  };
}
