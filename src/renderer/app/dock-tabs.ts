import type { Component } from 'vue';
import { lazily } from './lazily.ts';

/**
 * What can be opened in the dock, by kind. A component is given the tab's props; it may emit
 * `title` with a new title for its tab.
 */
export const dockTabs: Readonly<Record<string, Component>> = {
  log: lazily(() => import('../features/logs/LogTab.vue')),
  terminal: lazily(() => import('../features/terminal/TerminalTab.vue')),
  'port-forward': lazily(() => import('../features/port-forward/PortForwardTab.vue')),
  history: lazily(() => import('./HistoryTab.vue')),
  'what-if': lazily(() => import('../features/scheduling/WhatIfTab.vue')),
  yaml: lazily(() => import('../features/yaml/YamlTab.vue')),
};
