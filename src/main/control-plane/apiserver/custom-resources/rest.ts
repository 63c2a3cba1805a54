import { cleanupFinalizer } from '#main/control-plane/apiserver/custom-resources/registry.ts';
import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import { checkPreconditions, deleteObject } from '#main/control-plane/apiserver/registry/delete.ts';
import type { KindRest } from '#main/control-plane/apiserver/registry/kind-rest.ts';
import { timestamp } from '#main/control-plane/apiserver/registry/metadata.ts';
import { cacheOf } from '#main/control-plane/apiserver/registry/storage-of.ts';
import type {
  ResourceRequest,
  ResourceResponse,
} from '#main/control-plane/apiserver/request/resource-request.ts';
import { parseDeleteOptions } from '#main/control-plane/apiserver/request/write-options.ts';
import type { Entry } from '#main/control-plane/apiserver/storage/entry.ts';
import type { CustomResourceDefinition } from '#shared/api/types/apiextensions-v1.ts';
import { notFound } from '#shared/kube/errors.ts';
import type { Draft } from '#shared/kube/object.ts';

type Definition = Draft<CustomResourceDefinition>;

/** A definition goes after everything that it defined. */
export const customResourceDefinitionRest: KindRest = {
  beginCreate(_context, draft) {
    const definition = draft as Definition;
    definition.metadata.generation = 1;
    definition.status = {
      conditions: [],
      acceptedNames: { plural: '', kind: '' },
      storedVersions: [],
    };
    return Promise.resolve(undefined);
  },
  handlers: { delete: deleteDefinition },
};

async function deleteDefinition(request: ResourceRequest, core: Core): Promise<ResourceResponse> {
  const { served, name } = request;
  const cache = cacheOf(served);
  const options = parseDeleteOptions(request);
  let current: Entry | undefined = cache.get('', name);
  while (current && !current.object.metadata.deletionTimestamp && !options.dryRun?.length) {
    checkPreconditions({ request, core, options }, current, options.preconditions);
    const result = await core.objects.update(cache, current, ending(current.object, core));
    if (result.isWritten) return { type: 'entry', code: 200, entry: result.entry };
    current = result.current;
  }
  if (!current) throw notFound(served.resource, name);
  const { entry } = await deleteObject({ request, core, options }, { namespace: '', name });
  return { type: 'entry', code: 200, entry };
}

function ending(object: object, { clock }: Core): Definition {
  const definition = object as Definition;
  const now = timestamp(clock);
  const conditions = definition.status?.conditions ?? [];
  const terminating = {
    type: 'Terminating',
    status: 'True',
    lastTransitionTime: now,
    reason: 'InstanceDeletionPending',
    message:
      'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
  };
  return {
    ...definition,
    metadata: {
      ...definition.metadata,
      deletionTimestamp: now,
      deletionGracePeriodSeconds: 0,
      finalizers: [...new Set([...(definition.metadata.finalizers ?? []), cleanupFinalizer])],
    },
    status: {
      ...definition.status,
      conditions: [...conditions.filter(({ type }) => type !== 'Terminating'), terminating],
    },
  };
}
