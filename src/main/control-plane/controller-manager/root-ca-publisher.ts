import { configMaps } from '#shared/api/core/config-map.ts';
import { namespaces } from '#shared/api/core/namespace.ts';
import type { Namespace } from '#shared/api/types/core-v1.ts';
import { controller, trigger, type Controller } from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { keyOf } from '#shared/kube/object.ts';
import { isNamespaceTerminating } from './pods/pod-control.ts';
import { isEqual } from './values.ts';

const name = 'kube-root-ca.crt';
const description = 'kubernetes.io/description';
const explanation =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.';

/** Keeps the cluster's CA certificate in a ConfigMap of every namespace. */
export function createRootCaPublisher(caBundle: string): Controller<Namespace> {
  const data = { 'ca.crt': caBundle };
  return controller<Namespace>({
    name: 'root-ca-cert-publisher',
    watches: namespaces,
    triggers: [
      trigger(configMaps, ({ before, after }) => {
        const { metadata } = (after ?? before)!;
        return metadata.name === name ? [metadata.namespace!] : [];
      }),
    ],

    async reconcile({ metadata, status }, { cache, cluster }) {
      if (status.phase === 'Terminating') return;
      const namespace = metadata.name;
      const existing = cache.get(configMaps, keyOf({ namespace, name }));
      if (existing) {
        const { annotations } = existing.metadata;
        if (isEqual(existing.data, data) && annotations?.[description]) return;
        await cluster.update(configMaps, {
          ...existing,
          metadata: {
            ...existing.metadata,
            annotations: { ...annotations, [description]: explanation },
          },
          data,
        });
        return;
      }
      try {
        const annotations = { [description]: explanation };
        await cluster.create(configMaps, { metadata: { name, namespace, annotations }, data });
      } catch (error) {
        if (!ApiError.is(error, 'AlreadyExists', 'NotFound') && !isNamespaceTerminating(error))
          throw error;
      }
    },
  });
}
