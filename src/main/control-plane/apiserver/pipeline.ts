import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import { create } from '#main/control-plane/apiserver/registry/create.ts';
import { deleteCollection, deleteOne } from '#main/control-plane/apiserver/registry/delete.ts';
import { patch } from '#main/control-plane/apiserver/registry/patch.ts';
import { get, list } from '#main/control-plane/apiserver/registry/read.ts';
import { methodNotAllowed } from '#main/control-plane/apiserver/registry/storage-of.ts';
import { prepareViews } from '#main/control-plane/apiserver/storage/entry.ts';
import { update } from '#main/control-plane/apiserver/registry/update.ts';
import type {
  ResourceRequest,
  ResourceResponse,
} from '#main/control-plane/apiserver/request/resource-request.ts';
import type { ResourceVerb } from '#main/control-plane/apiserver/request/request-info.ts';
import { allVerbs, type Verb } from '#shared/kube/resource.ts';

type Handler = (request: ResourceRequest, core: Core) => Promise<ResourceResponse>;

const generic: Readonly<Partial<Record<ResourceVerb, Handler>>> = {
  get,
  list,
  create,
  update,
  patch,
  delete: deleteOne,
  deletecollection: deleteCollection,
};

/** Answers one authorized request: by the kind's own handler if it has one, else by the registry. */
export function handle(request: ResourceRequest, core: Core): Promise<ResourceResponse> {
  return handlerOf(request)(request, core);
}

/** Throws what upstream answers when a verb is not served. */
export function handlerOf(request: ResourceRequest): Handler {
  const handler = plainHandlerOf(request);
  const { form } = request.served;
  if (!form.convertLater) return handler;
  return async (given, core) => {
    const response = await handler(given, core);
    if (response.type === 'entry') await prepareViews(form, [response.entry]);
    if (response.type === 'list') await prepareViews(form, response.page.entries);
    return response;
  };
}

function plainHandlerOf({ verb, served, subresource }: ResourceRequest): Handler {
  const { resource, rest } = served;
  const own = rest.handlers?.[subresource ? `${verb}/${subresource}` : verb];
  if (own) return own;
  const handler = generic[verb];
  const isServed = subresource
    ? resource.subresources?.find(({ name }) => name === subresource)?.verbs.includes(verb)
    : (resource.verbs ?? allVerbs).includes(verb as Verb);
  const isGeneric = subresource === '' || subresource === 'status';
  if (!handler || !isServed || !isGeneric) throw methodNotAllowed(resource, verb);
  return handler;
}
