import {
  createSelector,
  everything,
  type Requirement,
  type Selector,
} from '#shared/kube/selectors.ts';
import { parseFieldSelector, parseLabelSelector } from '#shared/kube/selector-syntax.ts';

/** Clients ask for the same few selectors again and again. */
const labelSelectors = new Map<string, Selector>();
const fieldSelectors = new Map<string, readonly Requirement[]>();
const mostRemembered = 1_000;

/** A `labelSelector` parameter, compiled; throws `BadRequest`. */
export function labelSelectorOf(text: string | undefined): Selector {
  if (!text) return everything;
  return remembered(labelSelectors, text, () => createSelector(parseLabelSelector(text)));
}

/** The requirements of a `fieldSelector` parameter; throws `BadRequest`. */
export function fieldRequirementsOf(text: string | undefined): readonly Requirement[] {
  if (!text) return [];
  return remembered(fieldSelectors, text, () => parseFieldSelector(text));
}

/** The value that a field must have, if the selector says so. */
export function exactValue(requirements: readonly Requirement[], key: string): string | undefined {
  return requirements.find((each) => each.key === key && each.operator === 'Equals')?.values[0];
}

function remembered<T>(known: Map<string, T>, text: string, make: () => T): T {
  const found = known.get(text);
  if (found !== undefined) return found;
  const made = make();
  if (known.size >= mostRemembered) known.clear();
  known.set(text, made);
  return made;
}
