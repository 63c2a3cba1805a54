import type { AdmissionPlugin } from '#main/control-plane/apiserver/admission/plugin.ts';
import { isSameKind, refuse } from '#main/control-plane/apiserver/admission/refusal.ts';
import { localSubjectAccessReviews } from '#shared/api/authorization/local-subject-access-review.ts';
import { namespaces } from '#shared/api/core/namespace.ts';
import { forbidden, notFound } from '#shared/kube/errors.ts';

const immortal: ReadonlySet<string> = new Set(['default', 'kube-system', 'kube-public']);

/** Nothing is written into a namespace that is absent, nothing new into one that is going away. */
export const namespaceLifecycle: AdmissionPlugin = {
  name: 'NamespaceLifecycle',
  handles(operation, resource) {
    if (isSameKind(resource, namespaces)) return operation === 'DELETE';
    if (isSameKind(resource, localSubjectAccessReviews)) return false;
    return resource.scope === 'Namespaced' && (operation === 'CREATE' || operation === 'UPDATE');
  },
  admit(request, { objects }) {
    const { operation, namespace: name } = request;
    if (operation === 'DELETE') {
      if (!immortal.has(request.name)) return;
      throw forbidden(namespaces, request.name, 'this namespace may not be deleted');
    }
    if (!name) return;
    const namespace = objects.get(namespaces, { name });
    if (!namespace) throw notFound(namespaces, name);
    if (operation !== 'CREATE' || namespace.status?.phase !== 'Terminating') return;
    throw refuse(
      request,
      `unable to create new content in namespace ${name} because it is being terminated`,
      [
        {
          type: 'NamespaceTerminating',
          field: 'metadata.namespace',
          message: `namespace ${name} is being terminated`,
        },
      ],
    );
  },
};
