import type { Node, Pod, Toleration } from '#shared/api/types/core-v1.ts';
import { findUntoleratedTaint, isTolerated } from '#shared/kube/tolerations.ts';
import { actions } from '../cluster-events.ts';
import { plugin, refusal, type PluginFactory } from '../plugin.ts';
import { names } from './names.ts';
import { normalizeByHighest } from './normalize.ts';

const untolerated = refusal(
  names.taintToleration,
  'UnschedulableAndUnresolvable',
  'node(s) had untolerated taint(s)',
);

/** Keeps pods off nodes with taints they do not tolerate, and prefers fewer soft ones. */
export const taintToleration: PluginFactory = {
  name: names.taintToleration,
  create: ({ snapshot }) =>
    plugin<undefined, readonly Toleration[]>({
      name: names.taintToleration,
      isNodeLocal: true,
      events: [
        {
          resource: 'Node',
          action: actions.add | actions.updateNodeTaint,
          hint({ pod }, before, after) {
            const keepsOut = (node: unknown): boolean =>
              findUntoleratedTaint((node as Node).spec?.taints, pod.spec.tolerations) !== undefined;
            return (before === undefined || keepsOut(before)) && !keepsOut(after);
          },
        },
        {
          resource: 'Pod',
          action: actions.updatePodToleration,
          hint: (pod, _before, after) => (after as Pod).metadata.uid === pod.uid,
        },
      ],
      mayRefuse: () => snapshot.tallies.hardTaints > 0,
      filter(_state, { pod }, { node }) {
        const taints = node?.spec?.taints;
        if (!taints?.length) return undefined;
        return findUntoleratedTaint(taints, pod.spec.tolerations) ? untolerated : undefined;
      },
      preScore: ({ pod }) =>
        (pod.spec.tolerations ?? []).filter(
          ({ effect }) => !effect || effect === 'PreferNoSchedule',
        ),
      score(tolerations, { nodes }, scores) {
        scores.fill(0);
        if (snapshot.tallies.softTaints === 0) return;
        for (const [index, { node }] of nodes.entries()) {
          let count = 0;
          for (const taint of node?.spec?.taints ?? [])
            if (taint.effect === 'PreferNoSchedule' && !isTolerated(taint, tolerations)) count++;
          scores[index] = count;
        }
      },
      normalizeScore: (_state, scores) => normalizeByHighest(scores, { reversed: true }),
    }),
};
