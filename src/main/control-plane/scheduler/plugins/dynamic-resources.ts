import { plugin, skip, type PluginFactory } from '../plugin.ts';
import { names } from './names.ts';

/** Devices that pods claim. */
export const dynamicResources: PluginFactory = {
  name: names.dynamicResources,
  create: () =>
    plugin({
      name: names.dynamicResources,
      preFilter: () => skip,
      postFilter({ states }) {
        if (!states.has(names.dynamicResources)) throw new Error('not found');
        return { isSuccess: false, reasons: ['no new claims to deallocate'] };
      },
      score: (_state, _target, scores) => void scores.fill(0),
    }),
};
