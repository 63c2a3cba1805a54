import type { AdmissionPlugin } from '#main/control-plane/apiserver/admission/plugin.ts';
import { isSameKind } from '#main/control-plane/apiserver/admission/refusal.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import type { Draft } from '#shared/kube/object.ts';

const taints = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];
const tolerationSeconds = 300;

/** Pods outlive their node's silence by five minutes unless they say otherwise. */
export const defaultTolerationSeconds: AdmissionPlugin = {
  name: 'DefaultTolerationSeconds',
  handles: (operation, resource, subresource) =>
    isSameKind(resource, pods) &&
    subresource === '' &&
    (operation === 'CREATE' || operation === 'UPDATE'),
  admit({ object }) {
    const { spec } = object as Draft<Pod>;
    if (!spec) return;
    const given = spec.tolerations ?? [];
    const added = taints
      .filter(
        (taint) =>
          !given.some(
            ({ key, effect }) => (!key || key === taint) && (!effect || effect === 'NoExecute'),
          ),
      )
      .map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds }));
    if (added.length > 0) spec.tolerations = [...given, ...added];
  },
};
