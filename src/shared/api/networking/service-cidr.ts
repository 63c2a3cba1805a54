import type { ServiceCIDR } from '#shared/api/types/networking-v1.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import { keep, resetStatus } from '#shared/api/strategies.ts';
import { canonicalCidr, isImmutable } from '#shared/kube/checks.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidValue, required } from '#shared/kube/field-error.ts';
import { parseCidr } from '#shared/kube/ip.ts';
import { resource } from '#shared/kube/resource.ts';

export const serviceCidrs = resource<ServiceCIDR>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'ServiceCIDR',
  plural: 'servicecidrs',
  singular: 'servicecidr',
  scope: 'Cluster',
  type: 'networking.v1.ServiceCIDR',
  storage: { prefix: '/registry/servicecidrs' },
  subresources: [{ name: 'status', kind: 'ServiceCIDR', verbs: ['get', 'patch', 'update'] }],
  prepareForCreate: (draft) => resetStatus(draft, 'networking.v1.ServiceCIDRStatus'),
  prepareForUpdate: (draft, old) => keep('status', draft, old),
  prepareForStatusUpdate: (draft, old) => keep('spec', draft, old),
  validate: ({ spec }) => validateRanges(spec.cidrs ?? []),
  *validateUpdate({ spec: { cidrs = [] } }, { spec: { cidrs: old = [] } }) {
    if (cidrs.length !== old.length && !(old.length === 1 && cidrs.length === 2)) {
      yield invalidValue(field, cidrs, isImmutable);
      return;
    }
    for (const [index, range] of old.entries()) {
      if (cidrs[index] === range) continue;
      yield invalidValue(`${field}[${index}]`, cidrs[index], isImmutable);
    }
    if (cidrs.length > old.length) yield* validateRanges(cidrs);
  },
  columns: [
    nameColumn,
    { name: 'CIDRs', value: ({ spec }) => (spec.cidrs ?? []).join(',') },
    ageColumn,
  ],
});

const field = 'spec.cidrs';

function* validateRanges(cidrs: readonly string[]): Iterable<FieldError> {
  if (cidrs.length === 0) yield required(field, 'at least one CIDR required');
  if (cidrs.length > 2) yield invalidValue(field, { cidrs }, 'may only hold up to 2 values');
  for (const [index, range] of cidrs.entries()) {
    yield* canonicalCidr(range, `${field}[${index}]`);
  }
  if (cidrs.length !== 2) return;
  const [first, second] = cidrs.map((range) => parseCidr(range)?.address.bytes.length);
  if (first !== undefined && first === second) {
    yield invalidValue(
      field,
      cidrs,
      'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
    );
  }
}
