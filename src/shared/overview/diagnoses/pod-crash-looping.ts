import type { Pod } from '#shared/api/types/core-v1.ts';
import { keyOf } from '#shared/kube/object.ts';
import type { Diagnosis } from './diagnosis.ts';

const waits = new Set([
  'CrashLoopBackOff',
  'ImagePullBackOff',
  'ErrImagePull',
  'InvalidImageName',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
]);

export const podCrashLooping: Diagnosis = {
  name: 'pod cannot keep running',
  applicable: ({ pods }) => pods.length > 0,
  check: ({ pods }) =>
    pods.flatMap((pod) => {
      const stuck = statusesOf(pod).find(({ state }) => waits.has(state?.waiting?.reason ?? ''));
      if (!stuck) return [];
      const about = keyOf(pod.metadata);
      const { reason = '', message } = stuck.state?.waiting ?? {};
      const last = stuck.lastState?.terminated;
      const exit =
        last && `it ended with exit code ${last.exitCode} (${last.reason ?? 'no reason told'})`;
      const isCrashing = reason === 'CrashLoopBackOff';
      return [
        {
          id: `pod ${about}`,
          what: isCrashing
            ? `${about} keeps ending: container ${stuck.name} restarted ${stuck.restartCount} times`
            : `${about} cannot start its container ${stuck.name}`,
          why: (isCrashing && exit) || [reason, message].filter(Boolean).join(': '),
          cost: 300 + Math.min(stuck.restartCount, 99),
          about,
        },
      ];
    }),
  fixes: ({ about }) => [
    { title: `Open ${about}`, section: 'workloads', kind: 'pods', object: about },
  ],
};

function statusesOf({ status }: Pod) {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}
