import { computed, type ComputedRef } from 'vue';
import type { ManifestEditor } from './use-manifest.ts';

export interface ManifestVerdict {
  readonly errors: ComputedRef<number>;
  /** Every conflict has been decided. */
  readonly isSettled: ComputedRef<boolean>;
  readonly canApply: ComputedRef<boolean>;
  /** How the text stands to what is there, in a few words. */
  readonly summary: ComputedRef<string>;
}

/** What may be done with an edited manifest, and what it comes to. */
export function useVerdict(editor: ManifestEditor): ManifestVerdict {
  const { problems, conflicts, manifest, isChanged, isGone, isApplying, isChecking, plan } = editor;
  const errors = computed(
    () => problems.value.filter(({ severity }) => severity === 'error').length,
  );
  const isSettled = computed(() => conflicts.value.every(({ isTakenOver }) => isTakenOver));
  const canApply = computed(
    () =>
      (isChanged.value || isGone.value) &&
      !isApplying.value &&
      !manifest.value.isBroken &&
      manifest.value.objects.length > 0 &&
      isSettled.value,
  );
  const changeCount = computed(() =>
    plan.value.reduce(
      (sum, { outcome }) => sum + (outcome.type === 'fits' ? outcome.changes.length : 0),
      0,
    ),
  );
  const summary = computed(() => {
    if (isApplying.value) return 'Applying …';
    if (!isChanged.value) return 'As it is in the cluster';
    if (isChecking.value) return 'Asking the server …';
    if (errors.value > 0) return counted(errors.value, 'problem');
    if (conflicts.value.length > 0 && !isSettled.value)
      return `${counted(conflicts.value.length, 'conflict')} to decide`;
    if (changeCount.value === 0) return 'The server would change nothing';
    return `${counted(changeCount.value, 'field')} would change`;
  });
  return { errors, isSettled, canApply, summary };
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
