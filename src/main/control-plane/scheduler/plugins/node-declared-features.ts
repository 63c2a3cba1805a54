import type { Node, Pod } from '#shared/api/types/core-v1.ts';
import { actions } from '../cluster-events.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import { plugin, refusal, skip, type PluginFactory } from '../plugin.ts';
import { names } from './names.ts';

const undeclared = refusal(
  names.nodeDeclaredFeatures,
  'UnschedulableAndUnresolvable',
  "node(s) didn't match Pod's required features",
);

/** Pods that use a feature not every kubelet has go only to nodes that declare it. */
export const nodeDeclaredFeatures: PluginFactory = {
  name: names.nodeDeclaredFeatures,
  create: () =>
    plugin<readonly string[]>({
      name: names.nodeDeclaredFeatures,
      events: [
        {
          resource: 'Node',
          action: actions.add | actions.updateNodeDeclaredFeature,
          hint: (_pod, before, after) =>
            before === undefined ||
            !semanticEqual(
              (before as Node).status?.declaredFeatures ?? [],
              (after as Node).status?.declaredFeatures ?? [],
            ),
        },
        {
          resource: 'Pod',
          action: actions.update,
          hint: (pod, before, after) =>
            (after as Pod).metadata.uid === pod.uid &&
            !semanticEqual(requiredFeatures(before as Pod), requiredFeatures(after as Pod)),
        },
      ],
      preFilter({ pod }) {
        const required = requiredFeatures(pod);
        return required.length > 0 ? { state: required } : skip;
      },
      filter(required, _pod, { node }) {
        const declared = node?.status?.declaredFeatures ?? [];
        return required.every((feature) => declared.includes(feature)) ? undefined : undeclared;
      },
    }),
};

/** The features that a pod's spec implies before it is placed. */
function requiredFeatures({ spec }: Pod): readonly string[] {
  const features: string[] = [];
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  const restartsByRule = containers.some(({ restartPolicyRules }) =>
    restartPolicyRules?.some(({ action }) => action === 'RestartAllContainers'),
  );
  if (restartsByRule) features.push('RestartAllContainersOnContainerExits');
  if (spec.hostNetwork && spec.hostUsers === false)
    features.push('UserNamespacesHostNetworkSupport');
  return features;
}
