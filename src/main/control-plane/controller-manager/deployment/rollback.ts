import type { ReplicaSet } from '#shared/api/types/apps-v1.ts';
import { longOf } from '../values.ts';
import {
  byRevision,
  revisionOf,
  rollbackAnnotation,
  rolledBackAnnotations,
} from './annotations.ts';
import { hashLabel, isSameTemplate } from './plan.ts';
import type { Rollout } from './rollout.ts';

/** Does what the old rollback annotation asks for, and removes it in any case. */
export async function rollBack(rollout: Rollout, all: readonly ReplicaSet[]): Promise<void> {
  const { newSet, old } = await rollout.sync(all, { creates: true });
  const sets = [...old, newSet!];
  const { metadata } = rollout.deployment;
  const asked = longOf(metadata.annotations?.[rollbackAnnotation]) ?? 0n;
  const revision = asked || lastRevision(sets);
  const target = sets.find((set) => revisionOf(set) === revision);
  const warn = (reason: string, message: string): void =>
    rollout.context.events.record(rollout.deployment, 'Warning', reason, message);
  if (revision === 0n) warn('DeploymentRollbackRevisionNotFound', 'Unable to find last revision.');
  else if (!target?.spec.template)
    warn('DeploymentRollbackRevisionNotFound', 'Unable to find the revision to rollback to.');
  else if (isSameTemplate(rollout.deployment.spec.template, target.spec.template))
    warn(
      'DeploymentRollbackTemplateUnchanged',
      `The rollback revision contains the same template as current deployment "${metadata.name}"`,
    );
  else return await restore(rollout, target, revision);
  await rollout.update({
    ...rollout.deployment,
    metadata: { ...rollout.deployment.metadata, annotations: withoutRollback(rollout) },
  });
}

async function restore(rollout: Rollout, target: ReplicaSet, revision: bigint): Promise<void> {
  const { deployment } = rollout;
  const template = target.spec.template;
  const { [hashLabel]: _, ...labels } = template.metadata?.labels ?? {};
  const { [rollbackAnnotation]: __, ...annotations } = rolledBackAnnotations(deployment, target);
  await rollout.update({
    ...deployment,
    metadata: { ...deployment.metadata, annotations },
    spec: {
      ...deployment.spec,
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  });
  const { name } = deployment.metadata;
  const message = `Rolled back deployment "${name}" to revision ${revision}`;
  rollout.context.events.record(deployment, 'Normal', 'DeploymentRollback', message);
}

function withoutRollback({ deployment }: Rollout): Readonly<Record<string, string>> {
  const { [rollbackAnnotation]: _, ...annotations } = deployment.metadata.annotations ?? {};
  return annotations;
}

/** The second highest revision; 0 if there is none. */
function lastRevision(sets: readonly ReplicaSet[]): bigint {
  const second = sets.toSorted(byRevision).at(-2);
  return second ? revisionOf(second) : 0n;
}
