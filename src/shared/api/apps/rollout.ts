import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach, nonNegative } from '#shared/kube/checks.ts';
import { invalidValue } from '#shared/kube/field-error.ts';
import { percentage } from '#shared/kube/names.ts';

type Amount = number | string | undefined;

/** A count or a share of pods. */
export function* validateAmount(amount: Amount, field: string): Iterable<FieldError> {
  if (typeof amount === 'string') yield* invalidEach(field, amount, percentage(amount));
  else yield* nonNegative(amount, field);
}

export function* atMostAll(amount: Amount, field: string): Iterable<FieldError> {
  const percent = percentOf(amount);
  if (percent !== undefined && percent > 100) {
    yield invalidValue(field, amount, 'must not be greater than 100%');
  }
}

/** The number itself; a text that is no percentage counts as what digits it is, else as nothing. */
export function numberOf(amount: Amount): number {
  if (typeof amount === 'number') return amount;
  if (amount === undefined) return 0;
  return percentOf(amount) ?? (/^[+-]?\d+$/.test(amount) ? Number(amount) : 0);
}

function percentOf(amount: Amount): number | undefined {
  if (typeof amount !== 'string' || percentage(amount).length > 0) return undefined;
  return Number(amount.slice(0, -1));
}

export function* notDecremented(
  count: number | undefined,
  old: number | undefined,
): Iterable<FieldError> {
  if (old !== undefined && (count === undefined || count < old)) {
    yield invalidValue('status.collisionCount', count ?? 0, 'cannot be decremented');
  }
}
