import { computed, type ComputedRef } from 'vue';
import type { Deployment, ReplicaSet } from '#shared/api/types/apps-v1.ts';
import type { Job } from '#shared/api/types/batch-v1.ts';
import type { Node, PersistentVolumeClaim, Pod } from '#shared/api/types/core-v1.ts';
import { useLiveObjects } from '../../composables/live-objects.ts';
import { problemsIn, type Problem } from './diagnoses/index.ts';

export interface ProblemFacts {
  /** Nothing is said about the cluster's health before everything is known. */
  readonly isLoaded: ComputedRef<boolean>;
  readonly difficulty: ComputedRef<string | undefined>;
  readonly problems: ComputedRef<readonly Problem[]>;
}

/** What is wrong with the cluster, from live watches of the kinds that the diagnoses look at. */
export function useProblems(): ProblemFacts {
  const nodes = useLiveObjects<Node>('nodes');
  const pods = useLiveObjects<Pod>('pods');
  const deployments = useLiveObjects<Deployment>('deployments.apps');
  const replicaSets = useLiveObjects<ReplicaSet>('replicasets.apps');
  const claims = useLiveObjects<PersistentVolumeClaim>('persistentvolumeclaims');
  const jobs = useLiveObjects<Job>('jobs.batch');
  const all = [nodes, pods, deployments, replicaSets, claims, jobs];
  return {
    isLoaded: computed(() => all.every(({ isLoaded }) => isLoaded.value)),
    difficulty: computed(
      () => all.find(({ problem }) => problem.value !== undefined)?.problem.value,
    ),
    problems: computed(() =>
      problemsIn({
        nodes: [...nodes.objects.value.values()],
        pods: [...pods.objects.value.values()],
        deployments: [...deployments.objects.value.values()],
        replicaSets: [...replicaSets.objects.value.values()],
        claims: [...claims.objects.value.values()],
        jobs: [...jobs.objects.value.values()],
      }),
    ),
  };
}
