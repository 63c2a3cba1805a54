import {
  matchOf,
  type Criteria,
  type Match,
} from '#main/control-plane/apiserver/admission/dynamic/matching.ts';
import type {
  AdmissionContext,
  AdmissionRequest,
} from '#main/control-plane/apiserver/admission/plugin.ts';
import type {
  MatchResources,
  ParamKind,
  ParamRef,
} from '#shared/api/types/admissionregistration-v1.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import { selectorOf } from '#shared/kube/selectors.ts';

export interface Policy extends KubeObject {
  readonly spec: {
    readonly failurePolicy?: string;
    readonly paramKind?: ParamKind;
    readonly matchConstraints?: MatchResources;
  };
}

export interface Binding extends KubeObject {
  readonly spec: {
    readonly policyName?: string;
    readonly paramRef?: ParamRef;
    readonly matchResources?: MatchResources;
  };
}

/** A policy to be applied to the request, once for each of its parameters. */
export interface Invocation<P extends Policy, B extends Binding> {
  readonly policy: P;
  readonly binding: B;
  readonly match: Match;
  readonly param: KubeObject | undefined;
}

/** What is wrong with a policy or its binding, whatever the request. */
export interface Misconfiguration<P extends Policy, B extends Binding> {
  readonly policy: P;
  readonly binding: B | undefined;
  readonly message: string;
}

export interface Applicable<P extends Policy, B extends Binding> {
  readonly invocations: readonly Invocation<P, B>[];
  readonly misconfigured: readonly Misconfiguration<P, B>[];
}

export interface GivenPolicies<P extends Policy, B extends Binding> {
  readonly policies: readonly P[];
  readonly bindings: readonly B[];
}

/** Those of the cluster in the order of their names; nothing where none is bound to anything. */
export function givenPolicies<P extends Policy, B extends Binding>(
  policies: Iterable<P>,
  bindings: Iterable<B>,
): GivenPolicies<P, B> | undefined {
  const given = { policies: sorted(policies), bindings: sorted(bindings) };
  return given.policies.length > 0 && given.bindings.length > 0 ? given : undefined;
}

/** Which policies with which bindings and parameters are about the request. */
export function applicablePolicies<P extends Policy, B extends Binding>(
  request: AdmissionRequest,
  given: GivenPolicies<P, B>,
  context: AdmissionContext,
): Applicable<P, B> {
  const invocations: Invocation<P, B>[] = [];
  const misconfigured: Misconfiguration<P, B>[] = [];
  for (const policy of given.policies) {
    const own = given.bindings.filter(({ spec }) => spec.policyName === policy.metadata.name);
    if (own.length === 0) continue;
    const match = attempt(() =>
      matchOf(request, criteriaOf(policy.spec.matchConstraints), context),
    );
    if (match instanceof Problem) {
      const message = `failed to configure policy: ${match.message}`;
      misconfigured.push({ policy, binding: undefined, message });
      continue;
    }
    if (!match) continue;
    for (const binding of own) {
      const params = attempt(() => paramsFor(request, { policy, binding }, context));
      if (params instanceof Problem) {
        const message = `failed to configure binding: ${params.message}`;
        misconfigured.push({ policy, binding, message });
      } else {
        for (const param of params) invocations.push({ policy, binding, match, param });
      }
    }
  }
  return { invocations, misconfigured };
}

class Problem {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

function attempt<T>(run: () => T): T | Problem {
  try {
    return run();
  } catch (error) {
    if (error instanceof ApiError) return new Problem(error.message);
    throw error;
  }
}

function criteriaOf(match: MatchResources | undefined): Criteria {
  const { resourceRules, excludeResourceRules, ...rest } = match ?? {};
  return { ...rest, rules: resourceRules ?? [], excludeRules: excludeResourceRules ?? [] };
}

/** A binding without rules of its own is about whatever its policy is about. */
function isBindingAbout(
  request: AdmissionRequest,
  { spec }: Binding,
  context: AdmissionContext,
): boolean {
  if (!spec.matchResources) return true;
  const criteria = criteriaOf(spec.matchResources);
  const everything = {
    operations: ['*'],
    apiGroups: ['*'],
    apiVersions: ['*'],
    resources: ['*/*'],
  };
  const rules = criteria.rules?.length ? criteria.rules : [everything];
  return matchOf(request, { ...criteria, rules }, context) !== undefined;
}

/** The parameters of one binding: one `undefined` where there are none to be had, nothing to skip it. */
function paramsFor(
  request: AdmissionRequest,
  { policy, binding }: { readonly policy: Policy; readonly binding: Binding },
  context: AdmissionContext,
): readonly (KubeObject | undefined)[] {
  if (!isBindingAbout(request, binding, context)) return [];
  const { paramKind } = policy.spec;
  const { paramRef } = binding.spec;
  if (!paramKind || !paramRef) return [undefined];
  const found = findParams(request, { paramKind, paramRef }, context);
  if (found.length === 0 && paramRef.parameterNotFoundAction === 'Deny') {
    throw misconfiguration(
      'no params found for policy binding with `Deny` parameterNotFoundAction',
    );
  }
  return found;
}

function findParams(
  request: AdmissionRequest,
  { paramKind, paramRef }: { readonly paramKind: ParamKind; readonly paramRef: ParamRef },
  { catalog, objects }: AdmissionContext,
): readonly KubeObject[] {
  const { apiVersion = '', kind = '' } = paramKind;
  const served = catalog.ofKind(apiVersion, kind);
  if (!served?.cache) {
    throw misconfiguration(
      `paramKind kind \`&ParamKind{APIVersion:${apiVersion},Kind:${kind},}\` not known`,
    );
  }
  const { resource } = served;
  const isNamespaced = resource.scope === 'Namespaced';
  if (paramRef.namespace && !isNamespaced) {
    throw misconfiguration(
      'paramRef.namespace must not be provided for a cluster-scoped `paramKind`',
    );
  }
  const namespace = isNamespaced ? paramRef.namespace || request.namespace : '';
  if (isNamespaced && !namespace) {
    throw misconfiguration(
      'cannot use namespaced paramRef in policy binding that matches cluster-scoped resources',
    );
  }
  const { name, selector } = paramRef;
  if (name) {
    const found = objects.get(resource, { name, ...(namespace && { namespace }) });
    return found ? [found] : [];
  }
  const compiled = selectorOf(selector);
  return [...objects.list(resource, namespace || undefined)].filter(({ metadata }) =>
    compiled.matches(metadata.labels),
  );
}

function misconfiguration(message: string): ApiError {
  return new ApiError('BadRequest', message);
}

/** In the order of their names. */
function sorted<T extends KubeObject>(objects: Iterable<T>): T[] {
  return [...objects].sort((left, right) => (left.metadata.name < right.metadata.name ? -1 : 1));
}
