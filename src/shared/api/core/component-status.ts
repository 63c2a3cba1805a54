import type { ComponentStatus } from '#shared/api/types/core-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const componentStatuses = resource<ComponentStatus>({
  group: '',
  version: 'v1',
  kind: 'ComponentStatus',
  plural: 'componentstatuses',
  singular: 'componentstatus',
  scope: 'Cluster',
  shortNames: ['cs'],
  verbs: ['get', 'list'],
  type: 'core.v1.ComponentStatus',
});
