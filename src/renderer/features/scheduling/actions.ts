import { useDock } from '../../app/dock.ts';

/** Opens the scheduler's what-if: with a manifest, or a node that is drained, or what was there last. */
export function whatIf(given: { readonly text?: string; readonly drain?: string } = {}): void {
  useDock().open({ kind: 'what-if', title: 'what if', props: { ...given }, height: 420 });
}
