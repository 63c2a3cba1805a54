import type { Component } from 'vue';
import { lazily } from '../../app/lazily.ts';

/** What stands first in the panel, by kind: written for it, given the object as `object`. */
export const summaries: Readonly<Record<string, Component>> = {
  'deployments.apps': lazily(() => import('./summaries/DeploymentSummary.vue')),
  persistentvolumeclaims: lazily(() => import('./summaries/ClaimSummary.vue')),
  pods: lazily(() => import('./summaries/PodSummary.vue')),
  services: lazily(() => import('./summaries/ServiceSummary.vue')),
  nodes: lazily(() => import('../nodes/NodeSummary.vue')),
};
