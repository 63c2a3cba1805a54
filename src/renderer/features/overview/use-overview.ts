import { computed, type ComputedRef } from 'vue';
import type { Event, Node, Pod } from '#shared/api/types/core-v1.ts';
import { useLiveObjects } from '../../composables/live-objects.ts';
import { activityOf, type Activity } from './activity.ts';
import { capacityOf, type NodeCapacity } from './capacity.ts';
import { useProblems, type ProblemFacts } from './use-problems.ts';

export interface OverviewFacts extends ProblemFacts {
  readonly nodes: ComputedRef<readonly NodeCapacity[]>;
  readonly activity: ComputedRef<readonly Activity[]>;
}

const linesOfActivity = 50;

/** What the overview says, from live watches of the kinds that it needs. */
export function useOverview(): OverviewFacts {
  const facts = useProblems();
  const nodes = useLiveObjects<Node>('nodes');
  const pods = useLiveObjects<Pod>('pods');
  const events = useLiveObjects<Event>('events');
  return {
    ...facts,
    difficulty: computed(() => facts.difficulty.value ?? events.problem.value),
    nodes: computed(() => capacityOf(nodes.objects.value.values(), pods.objects.value.values())),
    activity: computed(() => activityOf(events.objects.value.values(), linesOfActivity)),
  };
}
