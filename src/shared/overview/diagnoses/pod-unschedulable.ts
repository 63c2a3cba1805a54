import { keyOf } from '#shared/kube/object.ts';
import { controllerOf } from '#shared/kube/owners.ts';
import { isUnschedulable, unschedulableText, type Diagnosis } from './diagnosis.ts';

/** Pods of ReplicaSets are told of with their Deployment. */
export const podUnschedulable: Diagnosis = {
  name: 'pod without a node',
  applicable: ({ pods }) => pods.length > 0,
  check: ({ pods }) =>
    pods
      .filter((pod) => isUnschedulable(pod) && controllerOf(pod.metadata)?.kind !== 'ReplicaSet')
      .map((pod) => {
        const about = keyOf(pod.metadata);
        return {
          id: `pod ${about}`,
          what: `${about} has no node`,
          why: `it ${unschedulableText(pod)}`,
          cost: 250,
          about,
        };
      }),
  fixes: ({ about }) => [
    { title: 'See why node by node', section: 'scheduling', kind: '', object: about },
    { title: `Open ${about}`, section: 'workloads', kind: 'pods', object: about },
  ],
};
