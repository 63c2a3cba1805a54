import { useConfirm } from '../../app/confirm.ts';
import { useNotices } from '../../app/notices.ts';
import { useSession } from '../../app/session.ts';
import { useTasks } from '../../app/tasks.ts';

/** Asks how many, and adds them to the cluster that runs. */
export async function addSimulatedNodes(): Promise<void> {
  const session = useSession();
  const tasks = useTasks();
  const notices = useNotices();
  const answer = await useConfirm().askFor({
    title: 'Add simulated nodes',
    consequences: [
      'They are there at once, take pods and run no containers: to try what a larger cluster would do.',
      'They come back whenever the cluster is started, and go when they are removed.',
    ],
    verb: 'Add simulated nodes',
    field: { label: 'How many', initial: '2', isRight: (text) => /^[1-9]\d{0,2}$/.test(text) },
  });
  const { app } = session;
  if (answer === undefined || !app) return;
  const count = Number(answer);
  const what = `${count} simulated ${count === 1 ? 'node' : 'nodes'}`;
  const names = await tasks.run(`Add ${what}`, () => app.addSimulatedNodes({ count }));
  if (names) notices.tell({ tone: 'good', text: `${what} added`, detail: names.join(', ') });
}
