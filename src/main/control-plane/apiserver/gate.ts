import { forbiddenRequest } from '#main/control-plane/apiserver/authorization/forbidden.ts';
import type { UserInfo } from '#main/control-plane/apiserver/authentication/authenticator.ts';
import type {
  Attributes,
  Authorizer,
} from '#main/control-plane/apiserver/authorization/authorizer.ts';
import {
  exactValue,
  fieldRequirementsOf,
  labelSelectorOf,
} from '#main/control-plane/apiserver/request/selectors.ts';
import type { Query, RequestInfo } from '#main/control-plane/apiserver/request/request-info.ts';
import { ApiError } from '#shared/kube/errors.ts';

const selectableVerbs = new Set(['list', 'watch', 'deletecollection']);

/** Decides whether a request may go on. */
export class Gate {
  readonly #authorizer: Authorizer;

  constructor(authorizer: Authorizer) {
    this.#authorizer = authorizer;
  }

  /** Throws `Forbidden` in upstream's words. */
  async authorize(user: UserInfo, info: RequestInfo, query: Query): Promise<void> {
    const attributes = attributesOf(user, info, query);
    const decided = this.#authorizer.authorize(attributes);
    const decision = decided instanceof Promise ? await decided : decided;
    if (decision.verdict !== 'Allow') throw forbiddenRequest(attributes, decision);
  }
}

export function attributesOf(user: UserInfo, info: RequestInfo, query: Query): Attributes {
  if (!info.isResourceRequest) {
    return {
      user,
      verb: info.verb,
      isResourceRequest: false,
      apiGroup: '',
      apiVersion: '',
      resource: '',
      subresource: '',
      namespace: '',
      name: '',
      path: info.path,
    };
  }
  return {
    user,
    verb: info.verb,
    isResourceRequest: true,
    apiGroup: info.group,
    apiVersion: info.version,
    resource: info.resource,
    subresource: info.subresource,
    namespace: info.namespace,
    name: info.name,
    path: info.path,
    ...(selectableVerbs.has(info.verb) && selectorsOf(info.name, query)),
  };
}

/** Selectors that cannot be parsed authorize nothing; the request itself will be refused for them. */
function selectorsOf(name: string, query: Query): Partial<Attributes> {
  const { fieldSelector, labelSelector } = query;
  if (!fieldSelector && !labelSelector) return {};
  try {
    const fields = fieldRequirementsOf(fieldSelector);
    const labels = labelSelectorOf(labelSelector).requirements;
    const named = exactValue(fields, 'metadata.name');
    return {
      ...(fields.length > 0 && { fieldSelector: fields }),
      ...(labels.length > 0 && { labelSelector: labels }),
      ...(!name && named && { name: named }),
    };
  } catch (error) {
    if (ApiError.is(error, 'BadRequest')) return {};
    throw error;
  }
}
