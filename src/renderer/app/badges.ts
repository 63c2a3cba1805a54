import { computed, type ComputedRef } from 'vue';
import type { ProblemsNow } from '#shared/contract/overview.ts';
import { useProblems } from '../features/overview/use-overview.ts';

/** What stands behind a section's title. */
export interface Badge {
  readonly text: string;
  readonly title: string;
  readonly isProblem: boolean;
}

/** Counts and problems by section; a section about which nothing is to be said is left out. */
export function useBadges(): ComputedRef<ReadonlyMap<string, Badge>> {
  const problems = useProblems();
  return computed(() => (problems.now ? badgesFor(problems.now) : new Map()));
}

function badgesFor({ nodeCount, bySection, problemCount }: ProblemsNow): Map<string, Badge> {
  const title = `${nodeCount} ${nodeCount === 1 ? 'node' : 'nodes'}`;
  const badges = new Map([
    ['nodes', { text: nodeCount.toLocaleString('en'), title, isProblem: false }],
  ]);
  for (const [section, count] of Object.entries(bySection))
    badges.set(section, problemBadge(count));
  badges.set(
    'overview',
    problemCount === 0
      ? { text: '✓', title: 'Nothing is wrong', isProblem: false }
      : problemBadge(problemCount),
  );
  return badges;
}

function problemBadge(count: number): Badge {
  return {
    text: `${count} !`,
    title: `${count} ${count === 1 ? 'problem' : 'problems'}`,
    isProblem: true,
  };
}
