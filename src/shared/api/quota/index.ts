import { countName, scopesOf, type QuotaEvaluator } from '#shared/api/quota/evaluator.ts';
import { persistentVolumeClaimEvaluator } from '#shared/api/quota/persistent-volume-claims.ts';
import { podEvaluator } from '#shared/api/quota/pods.ts';
import { oneQuantity, type ResourceList } from '#shared/api/quota/resource-list.ts';
import { serviceEvaluator } from '#shared/api/quota/services.ts';
import type { ResourceQuota } from '#shared/api/types/core-v1.ts';
import { addQuantities, zeroQuantity, type Quantity } from '#shared/kube/quantity.ts';
import type { KubeObject } from '#shared/kube/object.ts';

interface Kind {
  readonly group: string;
  readonly plural: string;
}

const special: readonly QuotaEvaluator[] = [
  podEvaluator,
  serviceEvaluator,
  persistentVolumeClaimEvaluator,
];
/** Kinds that have a second name from before `count/…`. */
const aliased: ReadonlySet<string> = new Set([
  'configmaps',
  'resourcequotas',
  'replicationcontrollers',
  'secrets',
]);
/** Never stored, or never counted. */
const ignored: ReadonlySet<string> = new Set([
  'bindings',
  'componentstatuses',
  'events',
  'events.events.k8s.io',
  'tokenreviews.authentication.k8s.io',
  'selfsubjectreviews.authentication.k8s.io',
  'subjectaccessreviews.authorization.k8s.io',
  'selfsubjectaccessreviews.authorization.k8s.io',
  'localsubjectaccessreviews.authorization.k8s.io',
  'selfsubjectrulesreviews.authorization.k8s.io',
]);

const evaluators = new Map<string, QuotaEvaluator>(
  special.map((evaluator) => [`${evaluator.group}/${evaluator.plural}`, evaluator]),
);

/** How objects of a kind count against quotas; nothing for kinds that never do. */
export function quotaEvaluatorOf({ group, plural }: Kind): QuotaEvaluator | undefined {
  if (ignored.has(group ? `${plural}.${group}` : plural)) return undefined;
  const key = `${group}/${plural}`;
  let evaluator = evaluators.get(key);
  if (!evaluator) evaluators.set(key, (evaluator = objectCounter({ group, plural })));
  return evaluator;
}

function objectCounter(kind: Kind): QuotaEvaluator {
  const names = [countName(kind)];
  if (!kind.group && aliased.has(kind.plural)) names.push(kind.plural);
  const usage: ResourceList = new Map(names.map((name) => [name, oneQuantity]));
  return {
    ...kind,
    matchingResources: (wanted) => wanted.filter((name) => names.includes(name)),
    matchesScope: () => false,
    usage: () => usage,
  };
}

/**
 * What a quota's status says is used: for each limited name that one of the kinds counts for, the
 * sum over the namespace's objects within the quota's scopes. `now` in milliseconds.
 */
export function usageOfQuota(
  quota: Pick<ResourceQuota, 'spec'>,
  kinds: Iterable<{ readonly evaluator: QuotaEvaluator; objects(): Iterable<KubeObject> }>,
  now: number,
): ResourceList {
  const hard = Object.keys(quota.spec?.hard ?? {});
  const scopes = scopesOf(quota);
  const used = new Map<string, Quantity>();
  for (const { evaluator, objects } of kinds) {
    const names = evaluator.matchingResources(hard);
    if (names.length === 0) continue;
    for (const name of names) if (!used.has(name)) used.set(name, zeroQuantity);
    for (const object of objects()) {
      if (!scopes.every((selector) => evaluator.matchesScope(selector, object))) continue;
      for (const [name, amount] of evaluator.usage(object, now)) {
        const sum = used.get(name);
        if (sum) used.set(name, addQuantities(sum, amount));
      }
    }
  }
  return used;
}
