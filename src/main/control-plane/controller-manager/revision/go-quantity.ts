/**
 * How Go holds a canonical quantity in memory, printed as upstream's hash sees it: a scaled 64-bit
 * integer where that is enough, else an arbitrary decimal; the text is kept only in the cases in
 * which parsing finds it canonical without computing.
 */
export function printQuantity(text: string): string {
  if (text === '0') return render({ value: '0', scale: 0, cached: '0', format: 'DecimalSI' });
  const match = /^([+-]?)0*(\d*)(?:\.(\d*))?([a-zA-Z]*)([+-]?\d*)$/.exec(text);
  if (!match) throw new Error(`"${text}" is no quantity`);
  const [, sign = '', whole = '', fraction = '', letters = '', digits = ''] = match;
  const number = whole || '0';
  const { base, exponent, format } = suffixOf(letters, digits);
  const precision = precisionOf(number.length, fraction.length, { base, exponent });
  const negative = sign === '-';
  const scale = (base === 10 ? exponent : 0) - fraction.length;
  if (precision >= 0 && scale >= -9) {
    const shifted = number + fraction;
    const factor = base === 2 ? 2n ** BigInt(exponent) : 1n;
    const value = BigInt(shifted) * factor * (negative ? -1n : 1n);
    const isCanonical =
      base === 2
        ? exponent % 10 === 0 && (BigInt(shifted) & 7n) !== 0n
        : scale % 3 === 0 && !shifted.endsWith('000') && !shifted.startsWith('0');
    return render({ value: String(value), scale, cached: isCanonical ? text : '', format });
  }
  const factor = base === 2 ? 2n ** BigInt(exponent) : 10n ** BigInt(Math.max(exponent, 0));
  const nanos = (BigInt(number + fraction) * factor * 10n ** 9n) / 10n ** BigInt(fraction.length);
  return renderDecimal(nanos, negative, format);
}

type Format = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

function suffixOf(
  letters: string,
  digits: string,
): { base: 2 | 10; exponent: number; format: Format } {
  if ((letters === 'e' || letters === 'E') && digits)
    return { base: 10, exponent: Number(digits), format: 'DecimalExponent' };
  const binary = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'].indexOf(letters);
  if (binary > 0) return { base: 2, exponent: binary * 10, format: 'BinarySI' };
  const decimal = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'].indexOf(letters);
  if (decimal < 0) throw new Error(`"${letters}" is no quantity's suffix`);
  return { base: 10, exponent: (decimal - 3) * 3, format: 'DecimalSI' };
}

/** Digits left before the fast path of 64-bit arithmetic could overflow; negative refuses it. */
function precisionOf(
  whole: number,
  fraction: number,
  { base, exponent }: { base: 2 | 10; exponent: number },
): number {
  if (base === 10) return 18 - whole - fraction;
  return fraction > 0 ? -1 : 15 - whole - Math.trunc((exponent * 3) / 10) - 1;
}

interface Scaled {
  readonly value: string;
  readonly scale: number;
  readonly cached: string;
  readonly format: Format;
}

function render({ value, scale, cached, format }: Scaled): string {
  return (
    `{i:(resource.int64Amount){value:(int64)${value} scale:(resource.Scale)${scale}} ` +
    `d:(resource.infDecAmount){Dec:(*inf.Dec)<nil>} s:(string)${cached} Format:(resource.Format)${format}}`
  );
}

function renderDecimal(nanos: bigint, negative: boolean, format: Format): string {
  const words: string[] = [];
  for (let rest = nanos; rest > 0n; rest >>= 64n) words.push(String(rest & 0xffffffffffffffffn));
  return (
    `{i:(resource.int64Amount){value:(int64)0 scale:(resource.Scale)0} ` +
    `d:(resource.infDecAmount){Dec:(*inf.Dec){unscaled:(big.Int){neg:(bool)${negative} ` +
    `abs:(big.nat)[${words.join(' ')}]} scale:(inf.Scale)9}} s:(string) Format:(resource.Format)${format}}`
  );
}
