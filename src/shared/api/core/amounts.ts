import type { Draft } from '#shared/kube/object.ts';
import { formatQuantity, mustParse } from '#shared/kube/quantity.ts';

export type Amounts = Readonly<Record<string, string>>;

const milli = 1_000_000n;

/** Resource lists hold no less than thousandths; finer amounts are rounded up. */
export function roundAmounts(amounts: Draft<Amounts> | undefined): void {
  if (!amounts) return;
  for (const name of Object.keys(amounts)) {
    const text = amounts[name]!;
    // Only these suffixes can stand for less than a thousandth.
    if (!/[nu]$/.test(text)) continue;
    const { nanos, format } = mustParse(text);
    const whole = nanos / milli;
    const rounded = nanos % milli === 0n ? whole : whole + (nanos > 0n ? 1n : -1n);
    amounts[name] = formatQuantity({ nanos: rounded * milli, format });
  }
}

/** Own amounts and, for names that have none, the others'; sorted by name as Go writes maps. */
export function withAmounts(
  own: Amounts | undefined,
  others: Amounts,
): Record<string, string> | undefined {
  const merged: Amounts = { ...others, ...own };
  const names = Object.keys(merged).sort();
  if (names.length === 0) return undefined;
  return Object.fromEntries(names.map((name) => [name, merged[name]!]));
}
