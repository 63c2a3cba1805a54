import type { ControllerRevision } from '#shared/api/types/apps-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const controllerRevisions = resource<ControllerRevision>({
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  singular: 'controllerrevision',
  scope: 'Namespaced',
  type: 'apps.v1.ControllerRevision',
  storage: { prefix: '/registry/controllerrevisions' },
});
