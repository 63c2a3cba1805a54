import type { Node, Pod, TopologySpreadConstraint } from '#shared/api/types/core-v1.ts';
import { requiredNodeTest, type NodeTest } from '#shared/kube/node-selection.ts';
import {
  createSelector,
  nothing,
  selectorOf,
  type Requirement,
  type Selector,
} from '#shared/kube/selectors.ts';
import { findUntoleratedTaint } from '#shared/kube/tolerations.ts';
import { noLabels, type Labels } from '../affinity-terms.ts';
import type { Listers } from '../listers.ts';
import type { PodQuestion } from '../pod-counts.ts';
import { defaultSelector } from './default-selector.ts';

export interface PodTopologySpreadArgs {
  readonly defaultConstraints?: readonly TopologySpreadConstraint[];
  readonly defaultingType: 'System' | 'List';
}

/** A constraint with its selector compiled and its defaults filled in. */
export interface SpreadConstraint {
  readonly maxSkew: number;
  readonly topologyKey: string;
  readonly selector: Selector;
  readonly minDomains: number;
  readonly honorsAffinity: boolean;
  readonly honorsTaints: boolean;
}

export type Action = 'DoNotSchedule' | 'ScheduleAnyway';

export const hostnameLabel = 'kubernetes.io/hostname';

export const systemConstraints: readonly TopologySpreadConstraint[] = [
  { topologyKey: hostnameLabel, whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 3 },
  { topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 5 },
];

/** The pod's own constraints of that kind, or else the profile's defaults. */
export function spreadConstraints(
  pod: Pod,
  action: Action,
  {
    listers,
    defaults,
  }: { readonly listers: Listers; readonly defaults: readonly TopologySpreadConstraint[] },
): readonly SpreadConstraint[] {
  const labels = pod.metadata.labels ?? noLabels;
  const own = pod.spec.topologySpreadConstraints;
  if (own?.length) return compileAll(own, labels, action);
  const constraints = compileAll(defaults, labels, action);
  if (constraints.length === 0) return constraints;
  const selector = defaultSelector(pod, listers);
  if (selector.isEverything) return [];
  return constraints.map((constraint) => ({ ...constraint, selector }));
}

/** Counts running pods that the constraint's selector means; an empty selector counts none. */
export function countedPods({ selector }: SpreadConstraint, namespace: string): PodQuestion {
  const { requirements, isEverything } = selector;
  const parts = requirements.map(({ key, operator, values }) => [key, operator, ...values]);
  return {
    key: `spread|${namespace}|${selector === nothing}|${JSON.stringify(parts)}`,
    namespaces: new Set([namespace]),
    matches: ({ isTerminating, labels }) =>
      !isTerminating && !isEverything && selector.matches(labels),
  };
}

export function hasTopologyKeys(labels: Labels, constraints: readonly SpreadConstraint[]): boolean {
  for (const { topologyKey } of constraints) if (labels[topologyKey] === undefined) return false;
  return true;
}

/** Which nodes take part in the constraint, by its node inclusion policies. */
export function inclusionTest(
  { honorsAffinity, honorsTaints }: SpreadConstraint,
  { spec }: Pod,
): NodeTest | undefined {
  const required = honorsAffinity ? requiredNodeTest(spec) : undefined;
  if (!honorsTaints) return required;
  return (node) => {
    if (required && !required(node)) return false;
    return !findUntoleratedTaint((node as Node).spec?.taints, spec.tolerations);
  };
}

function compileAll(
  constraints: readonly TopologySpreadConstraint[],
  labels: Labels,
  action: Action,
): readonly SpreadConstraint[] {
  return constraints
    .filter(({ whenUnsatisfiable }) => whenUnsatisfiable === action)
    .map((constraint) => compile(constraint, labels));
}

function compile(constraint: TopologySpreadConstraint, labels: Labels): SpreadConstraint {
  const { maxSkew, topologyKey, labelSelector, minDomains, matchLabelKeys } = constraint;
  return {
    maxSkew,
    topologyKey,
    selector: withLabelKeys(selectorOf(labelSelector), matchLabelKeys, labels),
    minDomains: minDomains ?? 1,
    honorsAffinity: (constraint.nodeAffinityPolicy ?? 'Honor') === 'Honor',
    honorsTaints: (constraint.nodeTaintsPolicy ?? 'Ignore') === 'Honor',
  };
}

/** The pod's own values of those labels have to match too. */
function withLabelKeys(selector: Selector, keys: readonly string[] = [], labels: Labels): Selector {
  if (selector === nothing) return selector;
  const requirements = keys.flatMap((key): Requirement[] => {
    const value = labels[key];
    return value === undefined ? [] : [{ key, operator: 'Equals', values: [value] }];
  });
  if (requirements.length === 0) return selector;
  return createSelector([...requirements, ...selector.requirements]);
}
