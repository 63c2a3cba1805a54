import { useSession } from '../../app/session.ts';
import { useTasks } from '../../app/tasks.ts';

/** Keeps new pods away from the node, or lets them in again: a task that everybody can see. */
export function useCordon(): (node: string, isCordoned: boolean) => Promise<void> {
  const session = useSession();
  const tasks = useTasks();
  return async (node, isCordoned) => {
    const { app } = session;
    if (!app) return;
    await tasks.run(isCordoned ? `Cordon ${node}` : `Uncordon ${node}`, () =>
      app.request({
        group: '',
        version: 'v1',
        plural: 'nodes',
        name: node,
        verb: 'patch',
        patchType: 'application/merge-patch+json',
        query: { fieldManager: 'pilothouse' },
        body: { spec: { unschedulable: isCordoned ? true : null } },
      }),
    );
  };
}
