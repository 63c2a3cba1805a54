import type { Component } from 'vue';
import { lazily } from '../../app/lazily.ts';

/** What stands first in the panel, by kind: written for it, given the object as `object`. */
export const summaries: Readonly<Record<string, Component>> = {
  nodes: lazily(() => import('../nodes/NodeSummary.vue')),
};
