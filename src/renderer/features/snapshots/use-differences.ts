import {
  computed,
  onScopeDispose,
  shallowRef,
  watch,
  type ComputedRef,
  type ShallowRef,
} from 'vue';
import type { SnapshotDifferences } from '#shared/contract/snapshots.ts';
import { useSession } from '../../app/session.ts';
import { messageOf } from '../../composables/message-of.ts';
import { byKind, type KindGroup } from './by-kind.ts';

export interface Comparison {
  readonly found: ShallowRef<SnapshotDifferences | undefined>;
  readonly groups: ComputedRef<readonly KindGroup[]>;
  readonly isComparing: ShallowRef<boolean>;
  readonly problem: ShallowRef<string | undefined>;
  /** Compares again: the cluster has moved on. */
  refresh(): void;
}

/** What is not now as it was in a snapshot; compared once, and again when asked. */
export function useDifferences(name: () => string): Comparison {
  const session = useSession();
  const found = shallowRef<SnapshotDifferences>();
  const isComparing = shallowRef(false);
  const problem = shallowRef<string>();
  let current: AbortController | undefined;

  async function compare(): Promise<void> {
    current?.abort();
    const { app } = session;
    if (!app) return;
    const own = new AbortController();
    current = own;
    isComparing.value = true;
    try {
      found.value = await app.snapshotDifferences({ name: name() }, { signal: own.signal });
      problem.value = undefined;
    } catch (error) {
      if (!own.signal.aborted) problem.value = messageOf(error);
    } finally {
      if (current === own) isComparing.value = false;
    }
  }

  watch([name, () => session.app], () => void compare(), { immediate: true });
  onScopeDispose(() => current?.abort());
  const groups = computed(() => byKind(found.value?.differences ?? []));
  return { found, groups, isComparing, problem, refresh: () => void compare() };
}
