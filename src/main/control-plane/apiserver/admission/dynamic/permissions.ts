import type { UserInfo } from '#main/control-plane/apiserver/authentication/authenticator.ts';
import type {
  Attributes,
  Authorizer,
} from '#main/control-plane/apiserver/authorization/authorizer.ts';
import {
  fieldRequirementsOf,
  labelSelectorOf,
} from '#main/control-plane/apiserver/request/selectors.ts';
import type {
  CheckDecision,
  CheckedRequest,
  PermissionCheck,
} from '#shared/cel/admission/authorizer.ts';

/** What somebody may do, for expressions that ask for it. */
export function permissionsOf(user: UserInfo, authorizer: Authorizer): PermissionCheck {
  return {
    check: (verb, request) => decide(authorizer, attributesOf(user, verb, request)),
    forServiceAccount: (namespace, name) =>
      permissionsOf(
        {
          name: `system:serviceaccount:${namespace}:${name}`,
          groups: [
            'system:serviceaccounts',
            `system:serviceaccounts:${namespace}`,
            'system:authenticated',
          ],
        },
        authorizer,
      ),
  };
}

function decide(authorizer: Authorizer, attributes: Attributes): CheckDecision {
  const decision = authorizer.authorize(attributes);
  if (decision instanceof Promise) {
    decision.catch(() => {}); // nobody can wait for it within an expression
    return {
      isAllowed: false,
      reason: '',
      error: `authorizer ${authorizer.name} does not decide at once, as expressions need it`,
    };
  }
  const { verdict, reason, errors } = decision;
  return {
    isAllowed: verdict === 'Allow',
    reason,
    ...(errors && errors.length > 0 && { error: errors.join(', ') }),
  };
}

function attributesOf(user: UserInfo, verb: string, request: CheckedRequest): Attributes {
  const {
    path = '',
    group = '',
    resource = '',
    subresource = '',
    namespace = '',
    name = '',
  } = request;
  const { fieldSelector, labelSelector } = request;
  return {
    user,
    verb,
    isResourceRequest: request.path === undefined,
    apiGroup: group,
    apiVersion: request.path === undefined ? '*' : '',
    resource,
    subresource,
    namespace,
    name,
    path,
    ...(fieldSelector && { fieldSelector: fieldRequirementsOf(fieldSelector) }),
    ...(labelSelector && { labelSelector: labelSelectorOf(labelSelector).requirements }),
  };
}
