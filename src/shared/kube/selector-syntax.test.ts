import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ApiError } from '#shared/kube/errors.ts';
import {
  formatFieldSelector,
  formatLabelSelector,
  parseFieldSelector,
  parseLabelSelector,
} from '#shared/kube/selector-syntax.ts';

type Outcome = string | { readonly error: string };

/** Text, then how upstream formats it back as a label selector and as a field selector. */
const recorded = JSON.parse(
  readFileSync('test/data/selectors.json', 'utf8'),
) as readonly (readonly [string, Outcome, Outcome])[];

test.each(recorded)('%j reads as upstream reads it', (text, asLabels, asFields) => {
  const labels = outcomeOf(() => formatLabelSelector(parseLabelSelector(text)));
  const fields = outcomeOf(() => formatFieldSelector(parseFieldSelector(text)));
  expect([labels, fields]).toEqual([withOneEqualsSign(asLabels), asFields]);
});

/** Upstream remembers which of its two signs for equality was used. */
function withOneEqualsSign(outcome: Outcome): Outcome {
  return typeof outcome === 'string' ? outcome.replaceAll('==', '=') : outcome;
}

function outcomeOf(task: () => string): Outcome {
  try {
    return task();
  } catch (error) {
    if (ApiError.is(error, 'BadRequest')) return { error: error.message };
    throw error;
  }
}
