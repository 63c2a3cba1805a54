import type { Service } from '#shared/api/types/core-v1.ts';
import { ageColumn, formatLabels, nameColumn, orNone } from '#shared/api/columns.ts';
import {
  validateClusterIpChange,
  validateFamilyChange,
} from '#shared/api/core/service/cluster-ips.ts';
import { validateLoadBalancerStatus } from '#shared/api/core/service/load-balancer-status.ts';
import {
  defaultService,
  needsHealthCheckPort,
  normalizeClusterIps,
  prepareServiceForUpdate,
} from '#shared/api/core/service/prepare.ts';
import { validateLoadBalancerClass, validateService } from '#shared/api/core/service/validate.ts';
import { keep, resetStatus } from '#shared/api/strategies.ts';
import { forbiddenValue, invalidValue } from '#shared/kube/field-error.ts';
import { nameIsDnsLabel } from '#shared/kube/names.ts';
import { serviceWarnings } from '#shared/api/core/service/warnings.ts';
import { resource } from '#shared/kube/resource.ts';

export const services = resource<Service>({
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  singular: 'service',
  scope: 'Namespaced',
  shortNames: ['svc'],
  categories: ['all'],
  type: 'core.v1.Service',
  storage: { prefix: '/registry/services/specs' },
  subresources: [
    {
      name: 'proxy',
      kind: 'ServiceProxyOptions',
      verbs: ['create', 'delete', 'get', 'patch', 'update'],
    },
    { name: 'status', kind: 'Service', verbs: ['get', 'patch', 'update'] },
  ],
  lifecycle: { deleteReturnsObject: true },
  validateName: nameIsDnsLabel,
  default: defaultService,
  prepareForCreate(draft) {
    resetStatus(draft, 'core.v1.ServiceStatus');
    normalizeClusterIps(draft.spec, undefined);
  },
  prepareForUpdate: prepareServiceForUpdate,
  prepareForStatusUpdate(draft, old) {
    keep('spec', draft, old);
  },
  validate: (service) => validateService(service),
  *validateUpdate(service, old) {
    const { spec } = service;
    yield* validateClusterIpChange(spec, old.spec);
    yield* validateFamilyChange(spec, old.spec);
    if (
      spec.type === 'LoadBalancer' &&
      old.spec.type === 'LoadBalancer' &&
      spec.loadBalancerClass !== old.spec.loadBalancerClass
    ) {
      yield invalidValue(
        'spec.loadBalancerClass',
        spec.loadBalancerClass,
        'may not change once set',
      );
    }
    yield* validateLoadBalancerClass(spec);
    if (
      needsHealthCheckPort(spec) &&
      needsHealthCheckPort(old.spec) &&
      spec.healthCheckNodePort !== old.spec.healthCheckNodePort
    ) {
      yield forbiddenValue('spec.healthCheckNodePort', 'field is immutable');
    }
    yield* validateService(service, old);
  },
  validateStatusUpdate: ({ spec, status }, old) =>
    validateLoadBalancerStatus(
      status?.loadBalancer ?? {},
      old.status?.loadBalancer ?? {},
      spec.type === 'LoadBalancer',
    ),
  fieldSelectors: {
    'spec.clusterIP': ({ spec }) => spec.clusterIP ?? '',
    'spec.type': ({ spec }) => spec.type ?? '',
  },
  warnings: ({ spec }) => serviceWarnings(spec),
  columns: [
    nameColumn,
    { name: 'Type', value: ({ spec }) => spec.type ?? '' },
    { name: 'Cluster-IP', value: ({ spec }) => orNone(spec.clusterIPs?.[0]) },
    { name: 'External-IP', value: externalIp },
    {
      name: 'Port(s)',
      value: ({ spec }) =>
        orNone(
          (spec.ports ?? [])
            .map(({ port, nodePort, protocol }) =>
              nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`,
            )
            .join(','),
        ),
    },
    ageColumn,
    { name: 'Selector', priority: 1, value: ({ spec }) => formatLabels(spec.selector) },
  ],
});

const balancerWidth = 16;

function externalIp({ spec, status }: Service): string {
  const { type, externalIPs = [] } = spec;
  if (type === 'ExternalName') return spec.externalName ?? '';
  if (type !== 'LoadBalancer') return orNone(externalIPs.join(','));
  const balanced = loadBalancerText(status?.loadBalancer?.ingress ?? []);
  const all = [...(balanced ? balanced.split(',') : []), ...externalIPs];
  return all.join(',') || '<pending>';
}

/** Addresses and host names of a load balancer, cut to a column's width. */
export function loadBalancerText(
  ingress: readonly { readonly ip?: string; readonly hostname?: string }[],
): string {
  const names = ingress.map(({ ip, hostname }) => ip || hostname || '').filter(Boolean);
  const text = [...new Set(names)].sort().join(',');
  return text.length > balancerWidth ? `${text.slice(0, balancerWidth - 3)}...` : text;
}
