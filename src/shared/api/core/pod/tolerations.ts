import type { Toleration } from '#shared/api/types/core-v1.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach } from '#shared/kube/checks.ts';
import { invalidValue, notOneOf, required } from '#shared/kube/field-error.ts';
import { decimalInteger, labelValue } from '#shared/kube/names.ts';
import { validateLabelName } from '#shared/kube/object-meta.ts';

const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];
const int64 = 2n ** 63n;

export function* validateTolerations(
  tolerations: readonly Toleration[],
  field: string,
  allowsComparison: boolean,
): Iterable<FieldError> {
  for (const [index, toleration] of tolerations.entries()) {
    const path = `${field}[${index}]`;
    const { key = '', operator = '', effect = '', tolerationSeconds } = toleration;
    if (key) yield* validateLabelName(key, `${path}.key`);
    else if (operator !== 'Exists') {
      yield invalidValue(
        `${path}.operator`,
        operator,
        'operator must be Exists when `key` is empty, which means "match all values and all keys"',
      );
    }
    if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
      yield invalidValue(
        `${path}.effect`,
        effect,
        "effect must be 'NoExecute' when `tolerationSeconds` is set",
      );
    }
    yield* validateOperator(toleration, path, allowsComparison);
    if (effect && !effects.includes(effect)) {
      yield notOneOf(`${path}.effect`, effect, effects);
    }
  }
}

function* validateOperator(
  { operator = '', value = '' }: Toleration,
  path: string,
  allowsComparison: boolean,
): Iterable<FieldError> {
  const field = `${path}.operator`;
  switch (operator) {
    case 'Equal':
    case '': {
      const problems = labelValue(value);
      if (problems.length > 0) yield invalidValue(field, value, problems.join(';'));
      break;
    }
    case 'Exists':
      if (value) {
        yield invalidValue(field, value, "value must be empty when `operator` is 'Exists'");
      }
      break;
    case 'Lt':
    case 'Gt':
      if (!allowsComparison) {
        yield notOneOf(field, operator, ['Equal', 'Exists', 'Lt', 'Gt']);
        break;
      }
      yield* invalidEach(`${path}.value`, value, decimalInteger(value));
      yield* invalidEach(`${path}.value`, value, parseProblems(value));
      break;
    default:
      yield notOneOf(field, operator, ['Equal', 'Exists']);
  }
}

/** As Go's strconv.ParseInt reports them. */
function parseProblems(text: string): readonly string[] {
  const shown = JSON.stringify(text);
  if (!/^[+-]?\d+$/.test(text)) return [`strconv.ParseInt: parsing ${shown}: invalid syntax`];
  const number = BigInt(text);
  if (number < int64 && number >= -int64) return [];
  return [`strconv.ParseInt: parsing ${shown}: value out of range`];
}

export function* validateTaintEffect(
  effect: string | undefined,
  field: string,
): Iterable<FieldError> {
  if (!effect) yield required(field);
  else if (!effects.includes(effect)) yield notOneOf(field, effect, effects);
}
