import { ApiError } from '#shared/kube/errors.ts';
import type { LabelSelector } from '#shared/kube/types/meta-v1.ts';

export type SelectorOperator =
  | 'In'
  | 'NotIn'
  | 'Exists'
  | 'DoesNotExist'
  | 'Equals'
  | 'NotEquals'
  | 'GreaterThan'
  | 'LessThan';

/** One requirement of a label or field selector; all of a selector's must hold. */
export interface Requirement {
  readonly key: string;
  readonly operator: SelectorOperator;
  readonly values: readonly string[];
}

/** A selector compiled once and matched often. */
export interface Selector {
  readonly requirements: readonly Requirement[];
  /** True for a selector without requirements. */
  readonly isEverything: boolean;
  matches(labels: Readonly<Record<string, string>> | undefined): boolean;
}

const noLabels: Readonly<Record<string, string>> = Object.freeze({});

export const everything: Selector = createSelector([]);
export const nothing: Selector = { requirements: [], isEverything: false, matches: () => false };

export function createSelector(requirements: readonly Requirement[]): Selector {
  const tests = requirements.map(testOf);
  return {
    requirements,
    isEverything: requirements.length === 0,
    matches: (labels = noLabels) => tests.every((test) => test(labels)),
  };
}

/** `undefined` selects nothing and an empty selector everything, as upstream's LabelSelectorAsSelector. */
export function selectorOf(selector: LabelSelector | undefined): Selector {
  if (!selector) return nothing;
  const equalities = Object.entries(selector.matchLabels ?? {}).map(
    ([key, value]): Requirement => ({ key, operator: 'In', values: [value] }),
  );
  const expressions = (selector.matchExpressions ?? []).map(
    ({ key, operator, values }): Requirement => ({
      key,
      operator: operator as SelectorOperator,
      values: values ?? [],
    }),
  );
  return createSelector([...equalities, ...expressions]);
}

/** Equality on every label of `set`; an empty or absent set selects nothing, as a Service's selector. */
export function selectorOfSet(set: Readonly<Record<string, string>> | undefined): Selector {
  const entries = Object.entries(set ?? {});
  if (entries.length === 0) return nothing;
  return createSelector(
    entries.map(([key, value]) => ({ key, operator: 'Equals', values: [value] })),
  );
}

function testOf({
  key,
  operator,
  values,
}: Requirement): (labels: Readonly<Record<string, string>>) => boolean {
  const [first = ''] = values;
  const wanted = new Set(values);
  switch (operator) {
    case 'In':
      return (labels) => labels[key] !== undefined && wanted.has(labels[key]);
    case 'NotIn':
      return (labels) => labels[key] === undefined || !wanted.has(labels[key]);
    case 'Equals':
      return (labels) => labels[key] === first;
    case 'NotEquals':
      return (labels) => labels[key] !== first;
    case 'Exists':
      return (labels) => labels[key] !== undefined;
    case 'DoesNotExist':
      return (labels) => labels[key] === undefined;
    case 'GreaterThan':
      return (labels) => isInteger(labels[key]) && BigInt(labels[key]) > BigInt(first);
    case 'LessThan':
      return (labels) => isInteger(labels[key]) && BigInt(labels[key]) < BigInt(first);
    default:
      throw new ApiError(
        'BadRequest',
        `"${String(operator)}" is not a valid label selector operator`,
      );
  }
}

function isInteger(text: string | undefined): text is string {
  return text !== undefined && /^[+-]?\d+$/.test(text);
}
