import type { TopologySelectorTerm } from '#shared/api/types/core-v1.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { duplicateValue, required } from '#shared/kube/field-error.ts';
import { validateLabelName } from '#shared/kube/object-meta.ts';

export function* validateTopologies(
  terms: readonly TopologySelectorTerm[],
  field: string,
): Iterable<FieldError> {
  // Upstream's list of what it has seen begins with as many empty ones.
  const seen = terms.map(() => '[]');
  for (const [index, term] of terms.entries()) {
    const path = `${field}[${index}].matchLabelExpressions`;
    const values = yield* validateTerm(term, path);
    for (const other of seen) {
      if (other === values) yield duplicateValue(path, '');
    }
    seen.push(values);
  }
}

/** Returns the term in a form that is the same for all that select the same. */
function* validateTerm(
  { matchLabelExpressions }: TopologySelectorTerm,
  field: string,
): Generator<FieldError, string> {
  const known = new Map<string, readonly string[]>();
  for (const [index, { key, values }] of (matchLabelExpressions ?? []).entries()) {
    const path = `${field}[${index}]`;
    const given = values ?? [];
    if (given.length === 0) yield required(`${path}.values`);
    for (const [position, value] of given.entries()) {
      if (given.indexOf(value) < position) {
        yield duplicateValue(`${path}.values[${position}]`, value);
      }
    }
    yield* validateLabelName(key ?? '', `${path}.key`);
    if (known.has(key)) yield duplicateValue(`${path}.key`, key);
    known.set(key, [...new Set(given)].sort());
  }
  return JSON.stringify([...known].sort(([a], [b]) => (a < b ? -1 : 1)));
}
