import { deleteOne } from '#main/control-plane/apiserver/registry/delete.ts';
import type { KindRest } from '#main/control-plane/apiserver/registry/kind-rest.ts';
import { priorityClasses } from '#shared/api/scheduling/priority-class.ts';
import { forbidden } from '#shared/kube/errors.ts';

const systemClasses = new Set(['system-cluster-critical', 'system-node-critical']);

/** The classes that the server makes by itself stay. */
export const priorityClassRest: KindRest = {
  handlers: {
    async delete(request, core) {
      const { name } = request;
      if (systemClasses.has(name)) {
        const why = 'this is a system priority class and cannot be deleted';
        throw forbidden(priorityClasses, name, why);
      }
      return deleteOne(request, core);
    },
  },
};
