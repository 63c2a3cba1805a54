import { pods } from '#shared/api/core/pod.ts';
import { plugin, type PluginFactory } from '../plugin.ts';
import { names } from './names.ts';

/** Binds through the pod's binding subresource. */
export const defaultBinder: PluginFactory = {
  name: names.defaultBinder,
  create: ({ cluster }) =>
    plugin({
      name: names.defaultBinder,
      async bind({ pod, namespace, name }, { nodeName, signal }) {
        const { uid } = pod.metadata;
        const binding = {
          apiVersion: 'v1',
          kind: 'Binding',
          metadata: { namespace, name, ...(uid && { uid }) },
          target: { kind: 'Node', name: nodeName },
        };
        await cluster.post(pods, { namespace, name, subresource: 'binding' }, binding, { signal });
        return true;
      },
    }),
};
