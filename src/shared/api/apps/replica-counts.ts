import type { FieldError } from '#shared/kube/errors.ts';
import { nonNegative } from '#shared/kube/checks.ts';
import { invalidValue } from '#shared/kube/field-error.ts';

interface Counts {
  readonly replicas?: number;
  readonly fullyLabeledReplicas?: number;
  readonly updatedReplicas?: number;
  readonly currentReplicas?: number;
  readonly readyReplicas?: number;
  readonly availableReplicas?: number;
  readonly unavailableReplicas?: number;
  readonly terminatingReplicas?: number;
  readonly observedGeneration?: number;
}

type Count = Exclude<keyof Counts, 'observedGeneration' | 'unavailableReplicas'>;

/** None negative, parts not more than the whole, available ones not more than the ready ones. */
export function* validateReplicaCounts(
  status: Counts,
  members: readonly (keyof Counts)[],
): Iterable<FieldError> {
  for (const member of members) yield* nonNegative(status[member], `status.${member}`);
  if (!members.includes('observedGeneration')) {
    yield* nonNegative(status.observedGeneration, 'status.observedGeneration');
  }
  const { replicas = 0, readyReplicas = 0, availableReplicas = 0 } = status;
  for (const member of members) {
    if (!isPart(member)) continue;
    const count = status[member] ?? 0;
    if (count > replicas) {
      yield invalidValue(`status.${member}`, count, 'cannot be greater than status.replicas');
    }
  }
  if (availableReplicas > readyReplicas) {
    yield invalidValue(
      'status.availableReplicas',
      availableReplicas,
      'cannot be greater than readyReplicas',
    );
  }
}

function isPart(member: keyof Counts): member is Count {
  return !['replicas', 'observedGeneration', 'unavailableReplicas', 'terminatingReplicas'].includes(
    member,
  );
}
