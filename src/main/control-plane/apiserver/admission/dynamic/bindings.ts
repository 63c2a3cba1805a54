import { permissionsOf } from '#main/control-plane/apiserver/admission/dynamic/permissions.ts';
import { kindOf, resourceOf } from '#main/control-plane/apiserver/admission/dynamic/kinds.ts';
import type { VersionedRequest } from '#main/control-plane/apiserver/admission/dynamic/versioned.ts';
import type { AdmissionContext } from '#main/control-plane/apiserver/admission/plugin.ts';
import type { Authorizer } from '#main/control-plane/apiserver/authorization/authorizer.ts';
import { namespaces } from '#shared/api/core/namespace.ts';
import { celAuthorizer, celResourceCheck } from '#shared/cel/admission/authorizer.ts';
import { celValueOf } from '#shared/cel/json-values.ts';
import type { CelValue } from '#shared/cel/values.ts';
import type { KubeObject } from '#shared/kube/object.ts';

/** The values that expressions may name in one request. */
export interface CelBindings {
  readonly lookUp: (name: string) => CelValue | undefined;
}

export interface BindingsOptions {
  readonly versioned: VersionedRequest;
  readonly context: AdmissionContext;
  readonly authorizer: Authorizer;
  readonly params?: KubeObject | undefined;
}

/** Each value is made when an expression first asks for it. */
export function celBindings(options: BindingsOptions): CelBindings {
  const values = new Map<string, CelValue>();
  return {
    lookUp(name) {
      const known = values.get(name);
      if (known !== undefined) return known;
      const value = valueOf(name, options);
      if (value !== undefined) values.set(name, value);
      return value;
    },
  };
}

function valueOf(
  name: string,
  { versioned, context, authorizer, params }: BindingsOptions,
): CelValue | undefined {
  const { request, object, oldObject } = versioned;
  switch (name) {
    case 'object':
      return celValueOf(object);
    case 'oldObject':
      return celValueOf(oldObject);
    case 'params':
      return celValueOf(params);
    case 'request':
      return celValueOf(requestValue(versioned));
    case 'namespaceObject': {
      const { namespace } = request;
      return celValueOf(namespace && context.objects.get(namespaces, { name: namespace }));
    }
    case 'authorizer':
      return celAuthorizer(permissionsOf(request.user, authorizer));
    case 'authorizer.requestResource': {
      const { resource, subresource, namespace, name: objectName } = request;
      return celResourceCheck(permissionsOf(request.user, authorizer), {
        group: resource.group,
        resource: resource.plural,
        subresource,
        namespace,
        name: objectName,
      });
    }
    default:
      return undefined;
  }
}

function requestValue({ request, kind, resource, options }: VersionedRequest): unknown {
  const { subresource, name, namespace, operation, user, dryRun } = request;
  return {
    uid: '',
    kind,
    resource,
    ...(subresource && { subResource: subresource }),
    requestKind: kindOf(request.resource, subresource),
    requestResource: resourceOf(request.resource),
    ...(subresource && { requestSubResource: subresource }),
    ...(name && { name }),
    ...(namespace && { namespace }),
    operation,
    userInfo: {
      ...(user.name && { username: user.name }),
      ...(user.uid && { uid: user.uid }),
      ...(user.groups.length > 0 && { groups: user.groups }),
      ...(user.extra && { extra: user.extra }),
    },
    object: null,
    oldObject: null,
    dryRun,
    options: options ?? null,
  };
}
