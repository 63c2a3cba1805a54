import { actions } from '../cluster-events.ts';
import { plugin, refusal, type PluginFactory } from '../plugin.ts';
import { names } from './names.ts';

const otherNode = refusal(
  names.nodeName,
  'UnschedulableAndUnresolvable',
  "node(s) didn't match the requested node name",
);

/** A pod that names its node goes nowhere else. */
export const nodeName: PluginFactory = {
  name: names.nodeName,
  create: () =>
    plugin({
      name: names.nodeName,
      isNodeLocal: true,
      events: [{ resource: 'Node', action: actions.add }],
      mayRefuse: ({ pod }) => Boolean(pod.spec.nodeName),
      filter: (_state, { pod }, { name }) =>
        !pod.spec.nodeName || pod.spec.nodeName === name ? undefined : otherNode,
    }),
};
