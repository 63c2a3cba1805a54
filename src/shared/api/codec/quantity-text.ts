import { formatQuantity, parseQuantity } from '#shared/kube/quantity.ts';

const wrongFormat =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const shape = /^[+-]?0*(\d*)(?:\.(\d*))?([eEinumkKMGTP]*[-+]?\d*)$/;
const decimalExponents: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  '': 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const binarySuffixes = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

/** As upstream writes a quantity that it has read; a fault where it reads none. */
export function quantityText(text: string): { readonly text: string } | { readonly fault: string } {
  const match = shape.exec(text);
  if (!match || text === '') return { fault: wrongFormat };
  const [, numerator = '', denominator = '', suffix = ''] = match;
  const quantity = parseQuantity(/\d/.test(text) ? text : `0${suffix}`);
  if (!quantity) return { fault: "unable to parse quantity's suffix" };
  const isKept = keepsText(numerator === '' ? '0' : numerator, denominator, suffix);
  return { text: isKept ? text : formatQuantity(quantity) };
}

/**
 * Upstream keeps the text of a small number that looks canonical by this rule, although `1.234` and
 * `+1` are not.
 */
function keepsText(numerator: string, denominator: string, suffix: string): boolean {
  const digits = numerator + denominator;
  const power = binarySuffixes.indexOf(suffix) + 1;
  if (power > 0) {
    const precision = 14 - digits.length - power * 3;
    return denominator === '' && precision >= 0 && Number(digits) % 8 !== 0;
  }
  const exponent = decimalExponents[suffix] ?? Number(suffix.slice(1));
  const scale = exponent - denominator.length;
  return (
    digits.length <= 18 &&
    scale >= -9 &&
    scale % 3 === 0 &&
    !digits.endsWith('000') &&
    !digits.startsWith('0')
  );
}
