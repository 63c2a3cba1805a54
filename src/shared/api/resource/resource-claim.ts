import type { ResourceClaim } from '#shared/api/types/resource-v1.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import {
  defaultClaimSpec,
  requestNames,
  validateClaimSpec,
} from '#shared/api/resource/claim-spec.ts';
import { validateClaimStatus } from '#shared/api/resource/claim-status.ts';
import { keep, resetStatus } from '#shared/api/strategies.ts';
import { unchanged } from '#shared/kube/checks.ts';
import { resource } from '#shared/kube/resource.ts';

export const resourceClaims = resource<ResourceClaim>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaim',
  plural: 'resourceclaims',
  singular: 'resourceclaim',
  scope: 'Namespaced',
  type: 'resource.v1.ResourceClaim',
  storage: { prefix: '/registry/resourceclaims' },
  lifecycle: { deleteReturnsObject: true },
  subresources: [{ name: 'status', kind: 'ResourceClaim', verbs: ['get', 'patch', 'update'] }],
  default: ({ spec }) => defaultClaimSpec(spec),
  prepareForCreate: (draft) => resetStatus(draft, 'resource.v1.ResourceClaimStatus'),
  prepareForUpdate: (draft, old) => keep('status', draft, old),
  prepareForStatusUpdate(draft, old) {
    keep('spec', draft, old);
    // Nothing is known any more about devices that are no longer the claim's.
    if (old.status.allocation && !draft.status.allocation) delete draft.status.devices;
  },
  metadata: { onUpdate: ['create', 'update'] },
  validate: ({ spec }) => validateClaimSpec(spec, 'spec'),
  *validateUpdate({ spec }, old) {
    yield* unchanged(spec, old.spec, 'spec');
  },
  validateStatusUpdate: (claim, old) =>
    validateClaimStatus(claim, old, requestNames(claim.spec.devices)),
  columns: [nameColumn, { name: 'State', value: stateOf }, ageColumn],
});

function stateOf({ metadata: { deletionTimestamp }, status }: ResourceClaim): string {
  const states = deletionTimestamp ? ['deleted'] : [];
  if (status.allocation) {
    states.push('allocated');
    if (status.reservedFor?.length) states.push('reserved');
  } else if (!deletionTimestamp) states.push('pending');
  return states.join(',');
}
