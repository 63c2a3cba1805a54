/** The least and the most that something may cost. */
export interface CostRange {
  readonly min: number;
  readonly max: number;
}

/** The least and the largest size that a value may have. */
export interface SizeRange {
  readonly min: number;
  readonly max: number;
}

type Range = CostRange;

export const unknownSize: SizeRange = Object.freeze({ min: 0, max: Infinity });

/** A string is gone through once at this cost for each character. */
export const perCharacter = 0.1;
/** A pattern of this many characters stands for one expression in it. */
export const perPatternCharacter = 0.25;

export const fixed = (amount: number): Range => ({ min: amount, max: amount });

export function add(...ranges: readonly Range[]): Range {
  let [min, max] = [0, 0];
  for (const range of ranges) {
    min += range.min;
    max += range.max;
  }
  return { min, max };
}

export function union(left: Range, right: Range): Range {
  return { min: Math.min(left.min, right.min), max: Math.max(left.max, right.max) };
}

export function times(left: Range, right: Range): Range {
  return { min: product(left.min, right.min), max: product(left.max, right.max) };
}

/** Costs are whole: what is left over counts as one. */
export function scaled({ min, max }: Range, factor: number): Range {
  return { min: Math.ceil(min * factor), max: Math.ceil(max * factor) };
}

function product(left: number, right: number): number {
  return left === 0 || right === 0 ? 0 : left * right;
}
