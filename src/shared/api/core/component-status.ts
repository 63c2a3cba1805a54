import type { ComponentStatus } from '#shared/api/types/core-v1.ts';
import { nameColumn } from '#shared/api/columns.ts';
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
  columns: [
    nameColumn,
    { name: 'Status', value: (component) => statusOf(healthOf(component)?.status) },
    { name: 'Message', value: (component) => healthOf(component)?.message ?? '' },
    { name: 'Error', value: (component) => healthOf(component)?.error ?? '' },
  ],
});

function healthOf({
  conditions = [],
}: ComponentStatus): NonNullable<ComponentStatus['conditions']>[number] | undefined {
  return conditions.find(({ type }) => type === 'Healthy');
}

function statusOf(status: string | undefined): string {
  if (status === undefined) return 'Unknown';
  return status === 'True' ? 'Healthy' : 'Unhealthy';
}
