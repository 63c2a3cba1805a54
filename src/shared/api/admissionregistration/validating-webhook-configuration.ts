import type { ValidatingWebhookConfiguration } from '#shared/api/types/admissionregistration-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const validatingWebhookConfigurations = resource<ValidatingWebhookConfiguration>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingWebhookConfiguration',
  plural: 'validatingwebhookconfigurations',
  singular: 'validatingwebhookconfiguration',
  scope: 'Cluster',
  categories: ['api-extensions'],
  type: 'admissionregistration.v1.ValidatingWebhookConfiguration',
  storage: { prefix: '/registry/validatingwebhookconfigurations' },
});
