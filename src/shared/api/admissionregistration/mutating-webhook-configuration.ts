import type { MutatingWebhookConfiguration } from '#shared/api/types/admissionregistration-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const mutatingWebhookConfigurations = resource<MutatingWebhookConfiguration>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingWebhookConfiguration',
  plural: 'mutatingwebhookconfigurations',
  singular: 'mutatingwebhookconfiguration',
  scope: 'Cluster',
  categories: ['api-extensions'],
  type: 'admissionregistration.v1.MutatingWebhookConfiguration',
  storage: { prefix: '/registry/mutatingwebhookconfigurations' },
});
