import type { MutatingWebhookConfiguration } from '#shared/api/types/admissionregistration-v1.ts';
import {
  countWebhooksGeneration,
  defaultWebhook,
  validateWebhooks,
  validateWebhooksUpdate,
  webhookColumns,
} from '#shared/api/admissionregistration/webhooks.ts';
import { startGeneration } from '#shared/api/strategies.ts';
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
  lifecycle: { generation: true },
  allowsUnconditionalUpdate: false,
  default({ webhooks }) {
    for (const webhook of webhooks ?? []) {
      defaultWebhook(webhook);
      webhook.reinvocationPolicy ??= 'Never';
    }
  },
  prepareForCreate: startGeneration,
  prepareForUpdate: countWebhooksGeneration,
  metadata: { onUpdate: ['create'] },
  validate: validateWebhooks,
  validateUpdate: validateWebhooksUpdate,
  columns: webhookColumns,
});
