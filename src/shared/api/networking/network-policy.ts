import type { NetworkPolicy } from '#shared/api/types/networking-v1.ts';
import { ageColumn, formatSelector, nameColumn } from '#shared/api/columns.ts';
import { validateNetworkPolicySpec } from '#shared/api/networking/network-policy-spec.ts';
import { countSpecGeneration, startGeneration } from '#shared/api/strategies.ts';
import { resource } from '#shared/kube/resource.ts';

export const networkPolicies = resource<NetworkPolicy>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
  singular: 'networkpolicy',
  scope: 'Namespaced',
  shortNames: ['netpol'],
  type: 'networking.v1.NetworkPolicy',
  storage: { prefix: '/registry/networkpolicies' },
  lifecycle: { generation: true },
  default({ spec }) {
    const { ingress = [], egress = [] } = spec;
    for (const { ports = [] } of [...ingress, ...egress]) {
      for (const port of ports) port.protocol ??= 'TCP';
    }
    if (!spec.policyTypes?.length) {
      spec.policyTypes = egress.length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
    }
  },
  prepareForCreate: startGeneration,
  prepareForUpdate: countSpecGeneration,
  validate: ({ spec }) => validateNetworkPolicySpec(spec, undefined),
  validateUpdate: ({ spec }, old) => validateNetworkPolicySpec(spec, old.spec),
  columns: [
    nameColumn,
    { name: 'Pod-Selector', value: ({ spec }) => formatSelector(spec.podSelector) },
    ageColumn,
  ],
});
