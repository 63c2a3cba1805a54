import type { ValidatingWebhookConfiguration } from '#shared/api/types/admissionregistration-v1.ts';
import {
  countWebhooksGeneration,
  defaultWebhook,
  validateWebhooks,
  validateWebhooksUpdate,
  webhookColumns,
} from '#shared/api/admissionregistration/webhooks.ts';
import { startGeneration } from '#shared/api/strategies.ts';
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
  lifecycle: { generation: true },
  allowsUnconditionalUpdate: false,
  default({ webhooks }) {
    for (const webhook of webhooks ?? []) {
      defaultWebhook(webhook);
    }
  },
  prepareForCreate: startGeneration,
  prepareForUpdate: countWebhooksGeneration,
  metadata: { onUpdate: ['create'] },
  validate: validateWebhooks,
  validateUpdate: validateWebhooksUpdate,
  columns: webhookColumns,
});
