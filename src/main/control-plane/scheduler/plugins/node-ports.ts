import type { Pod } from '#shared/api/types/core-v1.ts';
import { actions } from '../cluster-events.ts';
import { isTaken } from '../node-info.ts';
import { hostPortsOf, type HostPort } from '../pod-info.ts';
import { plugin, refusal, skip, type PluginFactory } from '../plugin.ts';
import { names } from './names.ts';

const taken = refusal(
  names.nodePorts,
  'Unschedulable',
  "node(s) didn't have free ports for the requested pod ports",
);

/** Two pods with the same host port cannot share a node. */
export const nodePorts: PluginFactory = {
  name: names.nodePorts,
  create: () =>
    plugin<readonly HostPort[]>({
      name: names.nodePorts,
      isNodeLocal: true,
      events: [
        {
          resource: 'Pod',
          action: actions.delete,
          hint({ hostPorts }, before) {
            const { spec, status } = before as Pod;
            if (!spec.nodeName && !status?.nominatedNodeName) return false;
            const freed = new Map<string, Set<string>>();
            for (const { ip, endpoint } of hostPortsOf(before as Pod))
              freed.set(ip, (freed.get(ip) ?? new Set()).add(endpoint));
            return hostPorts.some((port) => isTaken(freed, port));
          },
        },
        { resource: 'Node', action: actions.add },
      ],
      preFilter: ({ hostPorts }) => (hostPorts.length > 0 ? { state: hostPorts } : skip),
      filter: (ports, _pod, node) => (node.conflictsWith(ports) ? taken : undefined),
    }),
};
