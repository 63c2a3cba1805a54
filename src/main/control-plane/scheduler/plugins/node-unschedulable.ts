import type { Node, Pod } from '#shared/api/types/core-v1.ts';
import { isTolerated } from '#shared/kube/tolerations.ts';
import { actions } from '../cluster-events.ts';
import { plugin, refusal, type PluginFactory } from '../plugin.ts';
import { names } from './names.ts';

const taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };
const unschedulable = refusal(
  names.nodeUnschedulable,
  'UnschedulableAndUnresolvable',
  'node(s) were unschedulable',
);

/** A cordoned node takes only pods that tolerate its being cordoned. */
export const nodeUnschedulable: PluginFactory = {
  name: names.nodeUnschedulable,
  create: ({ snapshot }) =>
    plugin({
      name: names.nodeUnschedulable,
      isNodeLocal: true,
      events: [
        {
          resource: 'Node',
          action: actions.add | actions.updateNodeTaint,
          hint(_pod, before, after) {
            const isClosed = Boolean((after as Node).spec?.unschedulable);
            if (before === undefined) return !isClosed;
            return Boolean((before as Node).spec?.unschedulable) && !isClosed;
          },
        },
        {
          resource: 'Pod',
          action: actions.updatePodToleration,
          hint: (pod, _before, after) =>
            (after as Pod).metadata.uid === pod.uid &&
            isTolerated(taint, (after as Pod).spec.tolerations),
        },
      ],
      mayRefuse: () => snapshot.tallies.unschedulable > 0,
      filter(_state, { pod }, { node }) {
        if (!node?.spec?.unschedulable) return undefined;
        return isTolerated(taint, pod.spec.tolerations) ? undefined : unschedulable;
      },
    }),
};
