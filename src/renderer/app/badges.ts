import { computed, type ComputedRef } from 'vue';
import type { Node } from '#shared/api/types/core-v1.ts';
import { useLiveObjects } from '../composables/live-objects.ts';
import { useProblems } from '../features/overview/use-problems.ts';

/** What stands behind a section's title. */
export interface Badge {
  readonly text: string;
  readonly title: string;
  readonly isProblem: boolean;
}

/** Counts and problems by section; a section about which nothing is to be said is left out. */
export function useBadges(): ComputedRef<ReadonlyMap<string, Badge>> {
  const { isLoaded, problems } = useProblems();
  const nodes = useLiveObjects<Node>('nodes');
  return computed(() => {
    const badges = new Map<string, Badge>();
    if (!isLoaded.value) return badges;
    const count = nodes.objects.value.size;
    badges.set('nodes', {
      text: String(count),
      title: `${count} ${count === 1 ? 'node' : 'nodes'}`,
      isProblem: false,
    });
    for (const [section, found] of Map.groupBy(problems.value, sectionOf))
      badges.set(section, problemBadge(found.length));
    if (problems.value.length === 0)
      badges.set('overview', { text: '✓', title: 'Nothing is wrong', isProblem: false });
    else badges.set('overview', problemBadge(problems.value.length));
    return badges;
  });
}

/** Where the object that has the problem is listed. */
function sectionOf({ fixes }: { readonly fixes: readonly { readonly section: string }[] }): string {
  return fixes.at(-1)?.section ?? 'overview';
}

function problemBadge(count: number): Badge {
  return {
    text: `${count} !`,
    title: `${count} ${count === 1 ? 'problem' : 'problems'}`,
    isProblem: true,
  };
}
