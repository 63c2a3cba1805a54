import type { ServiceAccount } from '#shared/api/types/core-v1.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import { resource } from '#shared/kube/resource.ts';

export const serviceAccounts = resource<ServiceAccount>({
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  singular: 'serviceaccount',
  scope: 'Namespaced',
  shortNames: ['sa'],
  type: 'core.v1.ServiceAccount',
  storage: { prefix: '/registry/serviceaccounts' },
  subresources: [
    {
      name: 'token',
      kind: 'TokenRequest',
      groupVersion: 'authentication.k8s.io/v1',
      verbs: ['create'],
    },
  ],
  lifecycle: { deleteReturnsObject: true },
  metadata: { onUpdate: ['update', 'create'] },
  columns: [nameColumn, ageColumn],
});
