import type { ResourceList } from '#shared/api/quota/resource-list.ts';
import type {
  ResourceQuota,
  ScopedResourceSelectorRequirement,
} from '#shared/api/types/core-v1.ts';
import type { KubeObject } from '#shared/kube/object.ts';

/** How the objects of one kind count against quotas; pure, for admission and controller alike. */
export interface QuotaEvaluator<T extends KubeObject = KubeObject> {
  readonly group: string;
  readonly plural: string;
  /** Of the names in a quota those that this kind counts for. */
  matchingResources(names: readonly string[]): readonly string[];
  matchesScope(selector: ScopedResourceSelectorRequirement, object: T): boolean;
  /** `now` in milliseconds. */
  usage(object: T, now: number): ResourceList;
  /** Why an object may not even be counted: a quota wants something said that it leaves open. */
  complaint?(required: readonly string[], object: T): string | undefined;
}

/** `count/deployments.apps` */
export function countName({
  group,
  plural,
}: {
  readonly group: string;
  readonly plural: string;
}): string {
  return group ? `count/${plural}.${group}` : `count/${plural}`;
}

/** The scopes of a quota in the one form that says all. */
export function scopesOf({
  spec,
}: Pick<ResourceQuota, 'spec'>): readonly ScopedResourceSelectorRequirement[] {
  return [
    ...(spec.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' })),
    ...(spec.scopeSelector?.matchExpressions ?? []),
  ];
}

/** Whether the object counts against the quota, by what its status says is limited. */
export function quotaMatches(
  evaluator: QuotaEvaluator,
  quota: ResourceQuota,
  object: KubeObject,
): boolean {
  return (
    evaluator.matchingResources(Object.keys(quota.status?.hard ?? {})).length > 0 &&
    scopesOf(quota).every((selector) => evaluator.matchesScope(selector, object))
  );
}

/** A scope's selector held against the names that an object has for it. */
export function matchesNames(
  { operator, values = [] }: ScopedResourceSelectorRequirement,
  names: readonly string[],
): boolean {
  switch (operator) {
    case 'Exists':
      return names.length > 0;
    case 'DoesNotExist':
      return names.length === 0;
    case 'In':
      return names.some((name) => values.includes(name));
    case 'NotIn':
      return names.length === 0 || names.some((name) => !values.includes(name));
    default:
      return false;
  }
}
