import { labelValue, qualifiedName } from '#shared/kube/names.ts';
import { selectorOf, type Selector } from '#shared/kube/selectors.ts';
import type { LabelSelector } from '#shared/kube/types/meta-v1.ts';

/** The selector compiled, as upstream's LabelSelectorAsSelector; `undefined` where it is malformed. */
export function compiledSelector(selector: LabelSelector | undefined): Selector | undefined {
  for (const [key, value] of Object.entries(selector?.matchLabels ?? {})) {
    if (qualifiedName(key).length > 0 || labelValue(value).length > 0) return undefined;
  }
  for (const { key, operator, values = [] } of selector?.matchExpressions ?? []) {
    const needsValues = operator === 'In' || operator === 'NotIn';
    if (!needsValues && operator !== 'Exists' && operator !== 'DoesNotExist') return undefined;
    if (needsValues !== values.length > 0 || qualifiedName(key).length > 0) return undefined;
    if (values.some((value) => labelValue(value).length > 0)) return undefined;
  }
  return selectorOf(selector);
}

export function isEmptySelector({ matchLabels, matchExpressions }: LabelSelector): boolean {
  return Object.keys(matchLabels ?? {}).length + (matchExpressions?.length ?? 0) === 0;
}

export function hasInvalidSelectorValue(selector: LabelSelector | undefined): boolean {
  return (selector?.matchExpressions ?? []).some(({ values }) =>
    values?.some((value) => labelValue(value).length > 0),
  );
}
