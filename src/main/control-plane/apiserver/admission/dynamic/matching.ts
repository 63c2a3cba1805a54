import {
  equivalentsOf,
  resourceOf,
  type GroupVersionResource,
} from '#main/control-plane/apiserver/admission/dynamic/kinds.ts';
import type {
  AdmissionContext,
  AdmissionRequest,
} from '#main/control-plane/apiserver/admission/plugin.ts';
import { isSameKind } from '#main/control-plane/apiserver/admission/refusal.ts';
import type { ServedResource } from '#main/control-plane/apiserver/catalog.ts';
import { namespaces } from '#shared/api/core/namespace.ts';
import type { NamedRuleWithOperations } from '#shared/api/types/admissionregistration-v1.ts';
import { notFound } from '#shared/kube/errors.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';
import { selectorOf } from '#shared/kube/selectors.ts';
import type { LabelSelector } from '#shared/kube/types/meta-v1.ts';

type Rule = NamedRuleWithOperations;

/** Which requests a webhook or a policy is about. */
export interface Criteria {
  readonly rules?: readonly Rule[];
  readonly excludeRules?: readonly Rule[];
  readonly matchPolicy?: string;
  readonly namespaceSelector?: LabelSelector | undefined;
  readonly objectSelector?: LabelSelector | undefined;
}

/** The resource in whose version the request is to be seen; absent where it is served no more. */
export interface Match {
  readonly served: ServedResource | undefined;
  readonly resource: Resource;
}

const exempt = new Set([
  'mutatingadmissionpolicies',
  'mutatingadmissionpolicybindings',
  'mutatingwebhookconfigurations',
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
  'validatingwebhookconfigurations',
]);

/** What decides about requests is not decided about by itself, or nobody could repair it. */
export function isExempt({ group, plural }: Resource): boolean {
  return group === 'admissionregistration.k8s.io' && exempt.has(plural);
}

/** Throws `NotFound` where a selector asks about a namespace that is not there. */
export function matchOf(
  request: AdmissionRequest,
  criteria: Criteria,
  context: AdmissionContext,
): Match | undefined {
  const namespaceMatch = matchesNamespace(request, criteria.namespaceSelector, context);
  if (namespaceMatch === false) return undefined;
  if (!matchesObject(request, criteria.objectSelector)) return undefined;
  if (matchOfRules(request, criteria.excludeRules ?? [], criteria, context)) return undefined;
  const match = matchOfRules(request, criteria.rules ?? [], criteria, context);
  if (match && namespaceMatch !== true) throw notFound(namespaces, namespaceMatch.missing);
  return match;
}

function matchOfRules(
  request: AdmissionRequest,
  rules: readonly Rule[],
  { matchPolicy = 'Equivalent' }: Criteria,
  { catalog }: AdmissionContext,
): Match | undefined {
  if (rules.length === 0) return undefined;
  const { resource } = request;
  const own = resourceOf(resource);
  if (rules.some((rule) => matchesRule(rule, request, own))) {
    return { served: catalog.of(resource), resource };
  }
  if (matchPolicy !== 'Equivalent') return undefined;
  const equivalents = equivalentsOf(catalog, request);
  for (const rule of rules) {
    const found = equivalents.find((other) =>
      matchesRule(rule, request, resourceOf(other.resource)),
    );
    if (found) return { served: found, resource: found.resource };
  }
  return undefined;
}

function matchesRule(
  rule: Rule,
  request: AdmissionRequest,
  resource: GroupVersionResource,
): boolean {
  return (
    matchesScope(rule.scope, request) &&
    includes(rule.operations, request.operation) &&
    includes(rule.apiGroups, resource.group) &&
    includes(rule.apiVersions, resource.version) &&
    matchesResource(rule.resources, resource.resource, request.subresource) &&
    (!rule.resourceNames?.length || rule.resourceNames.includes(request.name))
  );
}

function matchesScope(scope = '*', { resource, namespace }: AdmissionRequest): boolean {
  if (scope === '*') return true;
  const isCluster = isSameKind(resource, namespaces) || namespace === '';
  return scope === 'Cluster' ? isCluster : !isCluster;
}

function includes(items: readonly string[] | undefined, item: string): boolean {
  return items?.some((each) => each === '*' || each === item) ?? false;
}

function matchesResource(
  items: readonly string[] | undefined,
  resource: string,
  subresource: string,
): boolean {
  return (
    items?.some((item) => {
      const [name, below = ''] = item.split('/', 2);
      return (name === '*' || name === resource) && (below === '*' || below === subresource);
    }) ?? false
  );
}

function matchesNamespace(
  request: AdmissionRequest,
  selector: LabelSelector | undefined,
  { objects }: AdmissionContext,
): boolean | { readonly missing: string } {
  const { resource, namespace, operation, subresource, object } = request;
  const isNamespace = isSameKind(resource, namespaces);
  if (namespace === '' && !isNamespace) return true;
  const compiled = selectorOf(selector ?? {});
  if (compiled.isEverything) return true;
  const isWritten = isNamespace && subresource === '' && operation !== 'DELETE';
  if (isWritten && object) return compiled.matches(object.metadata.labels);
  const found = objects.get(namespaces, { name: namespace });
  return found ? compiled.matches(found.metadata.labels) : { missing: namespace };
}

function matchesObject(
  { object, oldObject }: AdmissionRequest,
  selector: LabelSelector | undefined,
): boolean {
  const compiled = selectorOf(selector ?? {});
  if (compiled.isEverything) return true;
  const matches = (each: KubeObject | undefined): boolean =>
    each !== undefined && compiled.matches(each.metadata?.labels);
  return matches(object) || matches(oldObject);
}
