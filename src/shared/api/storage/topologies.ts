import type { TopologySelectorTerm } from '#shared/api/types/core-v1.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { duplicateValue, required } from '#shared/kube/field-error.ts';
import { validateLabelName } from '#shared/kube/object-meta.ts';

type Values = Readonly<Record<string, readonly string[]>>;

export function* validateTopologies(
  terms: readonly TopologySelectorTerm[],
  field: string,
): Iterable<FieldError> {
  // Upstream's list of what it has seen begins with as many empty ones.
  const seen: Values[] = terms.map(() => ({}));
  for (const [index, term] of terms.entries()) {
    const path = `${field}[${index}].matchLabelExpressions`;
    const values = yield* validateTerm(term, path);
    for (const other of seen) {
      if (semanticEqual(other, values)) yield duplicateValue(path, '');
    }
    seen.push(values);
  }
}

function* validateTerm(
  { matchLabelExpressions }: TopologySelectorTerm,
  field: string,
): Generator<FieldError, Values> {
  const known: Record<string, readonly string[]> = {};
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
    if (known[key]) yield duplicateValue(`${path}.key`, key);
    known[key] = [...new Set(given)].sort();
  }
  return known;
}
