import { countName, type QuotaEvaluator } from '#shared/api/quota/evaluator.ts';
import { oneQuantity } from '#shared/api/quota/resource-list.ts';
import type { Service } from '#shared/api/types/core-v1.ts';
import { mustParse, zeroQuantity, type Quantity } from '#shared/kube/quantity.ts';

const group = '';
const plural = 'services';
const names: readonly string[] = [
  countName({ group, plural }),
  'services',
  'services.nodeports',
  'services.loadbalancers',
];

/** Services, and apart from them the node ports and load balancers that they take. */
export const serviceEvaluator: QuotaEvaluator<Service> = {
  group,
  plural,
  matchingResources: (wanted) => wanted.filter((name) => names.includes(name)),
  matchesScope: () => false,
  usage: ({ spec }) =>
    new Map<string, Quantity>([
      [countName({ group, plural }), oneQuantity],
      ['services', oneQuantity],
      ['services.loadbalancers', spec?.type === 'LoadBalancer' ? oneQuantity : zeroQuantity],
      ['services.nodeports', mustParse(String(nodePortsOf(spec)))],
    ]),
};

function nodePortsOf(spec: Service['spec'] | undefined): number {
  const ports = spec?.ports ?? [];
  if (spec?.type === 'NodePort') return ports.length;
  if (spec?.type !== 'LoadBalancer') return 0;
  if (spec.allocateLoadBalancerNodePorts !== false) return ports.length;
  return ports.filter(({ nodePort }) => nodePort).length;
}
