import type { AdmissionPlugin } from '#main/control-plane/apiserver/admission/plugin.ts';
import { isSameKind } from '#main/control-plane/apiserver/admission/refusal.ts';
import { nodes } from '#shared/api/core/node.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { Binding, Pod } from '#shared/api/types/core-v1.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';

const copied = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

/** A pod carries its node's zone and region from the moment that it is bound. */
export const podTopologyLabels: AdmissionPlugin = {
  name: 'PodTopologyLabels',
  handles: (operation, resource, subresource) =>
    operation === 'CREATE' &&
    isSameKind(resource, pods) &&
    (subresource === '' || subresource === 'binding'),
  admit({ object, subresource }, { objects }) {
    if (!object) return;
    const name = subresource
      ? targetOf(object as KubeObject as Binding)
      : (object as Draft<Pod>).spec?.nodeName;
    if (!name) return;
    const labels = objects.get(nodes, { name })?.metadata.labels;
    for (const key of copied) {
      const value = labels?.[key];
      if (value !== undefined) (object.metadata.labels ??= {})[key] = value;
    }
  },
};

function targetOf({ target }: Binding): string | undefined {
  return target.kind === 'Node' ? target.name : undefined;
}
