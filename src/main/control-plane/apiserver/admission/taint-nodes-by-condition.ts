import type { AdmissionPlugin } from '#main/control-plane/apiserver/admission/plugin.ts';
import { isSameKind } from '#main/control-plane/apiserver/admission/refusal.ts';
import { nodes } from '#shared/api/core/node.ts';
import type { Node } from '#shared/api/types/core-v1.ts';
import type { Draft } from '#shared/kube/object.ts';

const key = 'node.kubernetes.io/not-ready';
const effect = 'NoSchedule';

/** A new node takes no pods until the node lifecycle controller has seen it ready. */
export const taintNodesByCondition: AdmissionPlugin = {
  name: 'TaintNodesByCondition',
  handles: (operation, resource, subresource) =>
    operation === 'CREATE' && isSameKind(resource, nodes) && subresource === '',
  admit({ object }) {
    const node = object as Draft<Node>;
    const spec = (node.spec ??= {});
    const taints = spec.taints ?? [];
    if (taints.some((taint) => taint.key === key && taint.effect === effect)) return;
    spec.taints = [...taints, { key, effect }];
  },
};
