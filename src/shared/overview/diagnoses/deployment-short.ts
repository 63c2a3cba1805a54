import type { Deployment } from '#shared/api/types/apps-v1.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { keyOf } from '#shared/kube/object.ts';
import { controllerOf } from '#shared/kube/owners.ts';
import {
  conditionOf,
  isUnschedulable,
  unschedulableText,
  type Diagnosis,
  type Facts,
} from './diagnosis.ts';

export const deploymentShort: Diagnosis = {
  name: 'deployment short of replicas',
  applicable: ({ deployments }) => deployments.length > 0,
  check(facts) {
    const short = facts.deployments.filter((deployment) => missingOf(deployment) > 0);
    if (short.length === 0) return [];
    const podsOf = podsByDeployment(facts);
    return short.flatMap((deployment) => {
      const missing = missingOf(deployment);
      const stuck = (podsOf.get(deployment.metadata.uid) ?? []).find(isUnschedulable);
      const cause = stuck
        ? `its pod ${stuck.metadata.name} ${unschedulableText(stuck)}`
        : failureText(deployment);
      // Still on its way: a rollout that nothing stands in the way of is no problem.
      if (cause === undefined) return [];
      const about = keyOf(deployment.metadata);
      const wanted = deployment.spec.replicas ?? 1;
      return [
        {
          id: `deployment ${about}`,
          what: `${about} has ${wanted - missing} of ${wanted} ${wanted === 1 ? 'replica' : 'replicas'}`,
          why: cause,
          cost: 500 + missing,
          about,
          ...(stuck && { pod: keyOf(stuck.metadata) }),
        },
      ];
    });
  },
  fixes: ({ about, pod }) => [
    ...(pod === undefined
      ? []
      : [{ title: 'See why node by node', section: 'scheduling', kind: '', object: pod }]),
    { title: `Open ${about}`, section: 'workloads', kind: 'deployments.apps', object: about },
  ],
};

function missingOf({ spec, status }: Deployment): number {
  return (spec.replicas ?? 1) - (status?.availableReplicas ?? 0);
}

function podsByDeployment({ replicaSets, pods }: Facts): ReadonlyMap<string, readonly Pod[]> {
  const deploymentOf = new Map(
    replicaSets.map(({ metadata }) => [metadata.uid, controllerOf(metadata)?.uid ?? '']),
  );
  return Map.groupBy(
    pods,
    ({ metadata }) => deploymentOf.get(controllerOf(metadata)?.uid ?? '') ?? '',
  );
}

function failureText(deployment: Deployment): string | undefined {
  const failure = conditionOf(deployment, 'ReplicaFailure');
  if (failure?.status === 'True') return failure.message;
  const progressing = conditionOf(deployment, 'Progressing');
  return progressing?.status === 'False' ? progressing.message : undefined;
}
