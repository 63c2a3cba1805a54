import type { FieldError } from '#shared/kube/errors.ts';
import { forbiddenValue, invalidValue } from '#shared/kube/field-error.ts';
import { validateLabelName } from '#shared/kube/object-meta.ts';
import type { LabelSelector } from '#shared/kube/types/meta-v1.ts';

/** Keys whose values are taken from the pod itself and join the selector. */
interface SelectorKeys {
  readonly matchLabelKeys?: readonly string[];
  readonly mismatchLabelKeys?: readonly string[];
  readonly labelSelector?: LabelSelector;
}

const inBoth = 'exists in both matchLabelKeys and labelSelector';

export function* validateSelectorKeys(
  { matchLabelKeys = [], mismatchLabelKeys = [], labelSelector }: SelectorKeys,
  field: string,
): Iterable<FieldError> {
  if (matchLabelKeys.length === 0 && mismatchLabelKeys.length === 0) return;
  yield* validateKeys(matchLabelKeys, `${field}.matchLabelKeys`, labelSelector);
  yield* validateKeys(mismatchLabelKeys, `${field}.mismatchLabelKeys`, labelSelector);
  if (labelSelector) {
    const selected = new Set(Object.keys(labelSelector.matchLabels ?? {}));
    for (const { key } of labelSelector.matchExpressions ?? []) {
      // The same key may stand once more only because it was merged into the selector.
      const index = matchLabelKeys.lastIndexOf(key);
      if (index >= 0 && selected.has(key)) {
        yield invalidValue(`${field}[${index}]`, key, inBoth);
      }
      selected.add(key);
    }
  }
  for (const [index, key] of matchLabelKeys.entries()) {
    if (!mismatchLabelKeys.includes(key)) continue;
    yield invalidValue(
      `${field}.matchLabelKeys[${index}]`,
      key,
      'exists in both matchLabelKeys and mismatchLabelKeys',
    );
  }
}

function* validateKeys(
  keys: readonly string[],
  field: string,
  selector: LabelSelector | undefined,
): Iterable<FieldError> {
  if (keys.length === 0) return;
  if (!selector) {
    yield forbiddenValue(field, 'must not be specified when labelSelector is not set');
    return;
  }
  for (const [index, key] of keys.entries()) yield* validateLabelName(key, `${field}[${index}]`);
}

/** The older rule for topology spread, kept for pods that broke the newer one before it existed. */
export function* validateSpreadKeysLegacy(
  { matchLabelKeys = [], labelSelector }: SelectorKeys,
  field: string,
): Iterable<FieldError> {
  if (matchLabelKeys.length === 0) return;
  const selected = new Set(Object.keys(labelSelector?.matchLabels ?? {}));
  for (const { key } of labelSelector?.matchExpressions ?? []) selected.add(key);
  if (!labelSelector) {
    yield forbiddenValue(field, 'must not be specified when labelSelector is not set');
  }
  for (const [index, key] of matchLabelKeys.entries()) {
    yield* validateLabelName(key, `${field}[${index}]`);
    if (selected.has(key)) yield invalidValue(`${field}[${index}]`, key, inBoth);
  }
}
