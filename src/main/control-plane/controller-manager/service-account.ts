import { namespaces } from '#shared/api/core/namespace.ts';
import { serviceAccounts } from '#shared/api/core/service-account.ts';
import type { Namespace } from '#shared/api/types/core-v1.ts';
import { controller, trigger } from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { keyOf } from '#shared/kube/object.ts';
import { isNamespaceTerminating } from './pods/pod-control.ts';

const name = 'default';

/** Gives every namespace its `default` service account. */
export const serviceAccountController = controller<Namespace>({
  name: 'service-account-controller',
  watches: namespaces,
  triggers: [
    trigger(serviceAccounts, ({ before, after }) =>
      !after && before?.metadata.name === name ? [before.metadata.namespace!] : [],
    ),
  ],

  async reconcile({ metadata, status }, { cache, cluster }) {
    if (status.phase === 'Terminating') return;
    const namespace = metadata.name;
    if (cache.get(serviceAccounts, keyOf({ namespace, name }))) return;
    try {
      await cluster.create(serviceAccounts, { metadata: { name, namespace } });
    } catch (error) {
      if (!ApiError.is(error, 'AlreadyExists') && !isNamespaceTerminating(error)) throw error;
    }
  },
});
