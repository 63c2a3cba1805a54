import { systemClock } from '#shared/base/system-clock.ts';
import { parseKey } from '#shared/kube/object.ts';
import { useConfirm } from '../../app/confirm.ts';
import type { Kind } from '../../app/kinds.ts';
import { useNotices } from '../../app/notices.ts';
import { useSession } from '../../app/session.ts';
import { useTasks } from '../../app/tasks.ts';

/** `Deployment default/web`, `3 deployments`. */
function named(kind: Kind, keys: readonly string[]): string {
  return keys.length === 1 ? `${kind.kind} ${keys[0]!}` : `${keys.length} ${kind.plural}`;
}

interface Change {
  /** What is being done: `Scale Deployment default/web to 3`. */
  readonly title: string;
  /** What was done then. */
  readonly done: string;
  readonly subresource?: string;
  readonly body: unknown;
}

/** Patches one after another, in sight of everybody; the first failure ends it. */
async function patchAll(kind: Kind, keys: readonly string[], change: Change): Promise<void> {
  const { title, done, subresource, body } = change;
  const isDone = await useTasks().run(title, async ({ report }) => {
    for (const [index, key] of keys.entries()) {
      const { app } = useSession();
      if (!app) throw new Error('The app is not connected');
      const { group, version, plural } = kind;
      const { namespace, name } = parseKey(key);
      report({ detail: key, progress: index / keys.length });
      await app.request({
        verb: 'patch',
        patchType: 'application/merge-patch+json',
        group,
        version,
        plural,
        name,
        ...(namespace !== undefined && { namespace }),
        ...(subresource !== undefined && { subresource }),
        body,
      });
    }
    return true;
  });
  if (isDone) useNotices().tell({ tone: 'good', text: done });
}

/** As `kubectl rollout restart`. */
export async function restart(kind: Kind, keys: readonly string[]): Promise<void> {
  const what = named(kind, keys);
  const isMeant = await useConfirm().ask({
    title: `Restart ${what}?`,
    consequences: ['Every pod is replaced by a new one, as its rollout strategy allows.'],
    verb: `Restart ${what}`,
  });
  if (!isMeant) return;
  const restartedAt = new Date(systemClock.now()).toISOString();
  const annotations = { 'kubectl.kubernetes.io/restartedAt': restartedAt };
  await patchAll(kind, keys, {
    title: `Restart ${what}`,
    done: `${what} ${keys.length === 1 ? 'is' : 'are'} being restarted`,
    body: { spec: { template: { metadata: { annotations } } } },
  });
}

/** As `kubectl scale`. */
export async function scale(kind: Kind, keys: readonly string[]): Promise<void> {
  const what = named(kind, keys);
  const answer = await useConfirm().askFor({
    title: `Scale ${what}`,
    consequences: ['With fewer replicas pods end; an autoscaler may decide otherwise.'],
    verb: `Scale ${what}`,
    field: { label: 'Replicas', initial: '', isRight: (text) => /^\d{1,5}$/.test(text) },
  });
  if (answer === undefined) return;
  await patchAll(kind, keys, {
    title: `Scale ${what} to ${answer}`,
    done: `${what} scaled to ${answer}`,
    subresource: 'scale',
    body: { spec: { replicas: Number(answer) } },
  });
}

const labelSyntax = /^([\w./-]+)(?:=([\w.-]*)|-)$/;

/** As `kubectl label`: `name=value` sets, `name-` takes away. */
export async function label(kind: Kind, keys: readonly string[]): Promise<void> {
  const what = named(kind, keys);
  const answer = await useConfirm().askFor({
    title: `Label ${what}`,
    consequences: ['name=value sets a label, name- takes it away.'],
    verb: `Label ${what}`,
    field: { label: 'Label', initial: '', isRight: (text) => labelSyntax.test(text) },
  });
  const [, name, value] = labelSyntax.exec(answer ?? '') ?? [];
  if (name === undefined) return;
  const isRemoval = value === undefined;
  const bare = isRemoval ? name.replace(/-$/, '') : name;
  await patchAll(kind, keys, {
    title: `Label ${what}`,
    done: isRemoval ? `${bare} taken from ${what}` : `${what} labelled ${bare}=${value}`,
    body: { metadata: { labels: { [bare]: isRemoval ? null : value } } },
  });
}
