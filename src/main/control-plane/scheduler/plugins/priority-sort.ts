import { plugin, type PluginFactory } from '../plugin.ts';
import { names } from './names.ts';

/** Higher priority first; among equals, who waited longer. */
export const prioritySort: PluginFactory = {
  name: names.prioritySort,
  create: () =>
    plugin({
      name: names.prioritySort,
      isBefore: (a, b) =>
        a.pod.priority === b.pod.priority
          ? a.timestamp < b.timestamp || (a.timestamp === b.timestamp && a.order < b.order)
          : a.pod.priority > b.pod.priority,
    }),
};
