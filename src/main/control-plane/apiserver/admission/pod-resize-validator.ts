import type { AdmissionPlugin } from '#main/control-plane/apiserver/admission/plugin.ts';
import { isSameKind, refuse } from '#main/control-plane/apiserver/admission/refusal.ts';
import { objectOf, oldObjectOf } from '#main/control-plane/apiserver/admission/request-objects.ts';
import { nodes } from '#shared/api/core/node.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { Node, Pod } from '#shared/api/types/core-v1.ts';
import { podRequests } from '#shared/kube/pod-requests.ts';
import { quantityMilliValue, quantityValue } from '#shared/kube/quantity.ts';

/** A bound pod grows only as far as its node goes. */
export const podResizeValidator: AdmissionPlugin = {
  name: 'PodResizeValidator',
  handles: (operation, resource, subresource) =>
    operation === 'UPDATE' && isSameKind(resource, pods) && subresource === 'resize',
  validate(request, { objects }) {
    const pod = objectOf(request, pods);
    const name = pod.spec?.nodeName;
    if (!name || pod.metadata.generation === oldObjectOf(request, pods).metadata.generation) return;
    const node = objects.get(nodes, { name });
    if (!node) throw refuse(request, `node ${JSON.stringify(name)} not found`);
    const system = node.metadata.labels?.['kubernetes.io/os'] ?? 'linux';
    if (system !== 'linux') {
      throw refuse(
        request,
        `pod resize is only supported on linux nodes, node ${JSON.stringify(name)} is ${JSON.stringify(system)}`,
        [{ type: 'UnsupportedPlatform', field: '', message: '' }],
      );
    }
    const excess = excessOf(pod, node);
    if (excess.length === 0) return;
    throw refuse(request, `node didn't have enough allocatable resources: ${excess.join('; ')}`, [
      { type: 'NodeCapacity', field: '', message: '' },
    ]);
  },
};

function excessOf(pod: Pod, node: Node): string[] {
  const requested = podRequests(pod);
  const { cpu = '0', memory = '0' } = node.status?.allocatable ?? {};
  const amounts = [
    ['cpu', Math.ceil(requested.get('cpu') ?? 0), quantityMilliValue(cpu)],
    ['memory', Math.ceil(requested.get('memory') ?? 0), quantityValue(memory)],
  ] as const;
  return amounts
    .filter(([, wanted, available]) => wanted > available)
    .map(([name, wanted, available]) => `${name}, requested: ${wanted}, allocatable: ${available}`);
}
