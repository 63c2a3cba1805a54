import type { Lease } from '#shared/api/types/coordination-v1.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { isNegative } from '#shared/kube/checks.ts';
import { invalidValue } from '#shared/kube/field-error.ts';
import type { Draft } from '#shared/kube/object.ts';
import { resource } from '#shared/kube/resource.ts';

export const leases = resource<Lease>({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  singular: 'lease',
  scope: 'Namespaced',
  type: 'coordination.v1.Lease',
  storage: { prefix: '/registry/leases' },
  allowsUnconditionalUpdate: false,
  prepareForCreate: ({ spec }) => dropCoordination(spec, undefined),
  prepareForUpdate: ({ spec }, old) => dropCoordination(spec, old.spec),
  validate: ({ spec }) => validateSpec(spec),
  validateUpdate: ({ spec }) => validateSpec(spec),
  columns: [
    nameColumn,
    { name: 'Holder', value: ({ spec }) => spec.holderIdentity ?? '' },
    ageColumn,
  ],
});

type Spec = Lease['spec'];

/** What coordinated leader election would use, which is off. */
function dropCoordination(spec: Draft<Spec>, old: Spec | undefined): void {
  if (old?.strategy === undefined) delete spec.strategy;
  if (old?.preferredHolder === undefined) delete spec.preferredHolder;
}

function* validateSpec(spec: Spec): Iterable<FieldError> {
  const { leaseDurationSeconds: duration, leaseTransitions: transitions } = spec;
  if (duration !== undefined && duration <= 0) {
    yield invalidValue('spec.leaseDurationSeconds', duration, 'must be greater than 0');
  }
  if (transitions !== undefined && transitions < 0) {
    yield invalidValue('spec.leaseTransitions', transitions, isNegative);
  }
}
