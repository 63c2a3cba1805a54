import type { Binding } from '#shared/api/types/core-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const bindings = resource<Binding>({
  group: '',
  version: 'v1',
  kind: 'Binding',
  plural: 'bindings',
  singular: 'binding',
  scope: 'Namespaced',
  verbs: ['create'],
  type: 'core.v1.Binding',
});
