import type { Ingress } from '#shared/api/types/networking-v1.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import { loadBalancerText } from '#shared/api/core/service.ts';
import { validateHostname } from '#shared/api/core/service/load-balancer-status.ts';
import { validateIngressSpec } from '#shared/api/networking/ingress-spec.ts';
import { countSpecGeneration, keep, resetStatus, startGeneration } from '#shared/api/strategies.ts';
import { legacyIp } from '#shared/kube/checks.ts';
import { invalidValue } from '#shared/kube/field-error.ts';
import { resource } from '#shared/kube/resource.ts';

export const ingresses = resource<Ingress>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'Ingress',
  plural: 'ingresses',
  singular: 'ingress',
  scope: 'Namespaced',
  shortNames: ['ing'],
  type: 'networking.v1.Ingress',
  storage: { prefix: '/registry/ingress' },
  subresources: [{ name: 'status', kind: 'Ingress', verbs: ['get', 'patch', 'update'] }],
  lifecycle: { generation: true },
  prepareForCreate(draft) {
    resetStatus(draft, 'networking.v1.IngressStatus');
    startGeneration(draft);
  },
  prepareForUpdate(draft, old) {
    keep('status', draft, old);
    countSpecGeneration(draft, old);
  },
  prepareForStatusUpdate: (draft, old) => keep('spec', draft, old),
  metadata: { onUpdate: ['update', 'create'] },
  *validate({ metadata, spec }) {
    yield* validateIngressSpec(spec, undefined);
    const annotation = metadata.annotations?.[classAnnotation];
    const { ingressClassName: name } = spec;
    if (annotation !== undefined && name !== undefined && annotation !== name) {
      yield invalidValue(
        `annotations.${classAnnotation}`,
        annotation,
        'must match `ingressClassName` when both are specified',
      );
    }
  },
  validateUpdate: ({ spec }, old) => validateIngressSpec(spec, old.spec),
  *validateStatusUpdate({ status }, old) {
    const known = (old.status.loadBalancer.ingress ?? []).flatMap(({ ip }) => ip ?? []);
    for (const [index, item] of (status.loadBalancer.ingress ?? []).entries()) {
      const path = `status.loadBalancer.ingress[${index}]`;
      if (item.ip) yield* legacyIp(item.ip, `${path}.ip`, known);
      yield* validateHostname(item.hostname, `${path}.hostname`);
    }
  },
  columns: [
    nameColumn,
    { name: 'Class', value: ({ spec }) => spec.ingressClassName ?? '<none>' },
    { name: 'Hosts', value: ({ spec }) => formatHosts(spec.rules ?? []) },
    { name: 'Address', value: ({ status }) => loadBalancerText(status.loadBalancer.ingress ?? []) },
    { name: 'Ports', value: ({ spec }) => (spec.tls?.length ? '80, 443' : '80') },
    ageColumn,
  ],
});

const classAnnotation = 'kubernetes.io/ingress.class';

function formatHosts(rules: readonly { readonly host?: string }[]): string {
  const shown = 3;
  const hosts = rules.flatMap(({ host }) => host || []).slice(0, shown);
  if (hosts.length === 0) return '*';
  let before = 0;
  // Rules that follow the last one shown count, whether or not they have a host.
  const hasMore = rules.some(({ host }) => {
    if (before === shown) return true;
    if (host) before++;
    return false;
  });
  const text = hosts.join(',');
  return hasMore ? `${text} + ${rules.length - shown} more...` : text;
}
