import type { PodTemplate } from '#shared/api/types/core-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const podTemplates = resource<PodTemplate>({
  group: '',
  version: 'v1',
  kind: 'PodTemplate',
  plural: 'podtemplates',
  singular: 'podtemplate',
  scope: 'Namespaced',
  type: 'core.v1.PodTemplate',
  storage: { prefix: '/registry/podtemplates' },
});
