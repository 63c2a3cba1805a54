import type { Pod } from '#shared/api/types/core-v1.ts';
import { actions } from '../cluster-events.ts';
import { plugin, refusal, type PluginFactory } from '../plugin.ts';
import { names } from './names.ts';

/** A pod with scheduling gates stays out of the queue until the last one is gone. */
export const schedulingGates: PluginFactory = {
  name: names.schedulingGates,
  create: () =>
    plugin({
      name: names.schedulingGates,
      events: [
        {
          resource: 'Pod',
          action: actions.updatePodSchedulingGatesEliminated,
          hint: (pod, _before, after) => (after as Pod).metadata.uid === pod.uid,
        },
      ],
      preEnqueue({ pod }) {
        const gates = pod.spec.schedulingGates;
        if (!gates?.length) return undefined;
        const list = gates.map(({ name }) => name).join(' ');
        return refusal(
          names.schedulingGates,
          'UnschedulableAndUnresolvable',
          `waiting for scheduling gates: [${list}]`,
        );
      },
    }),
};
