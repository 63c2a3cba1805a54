import {
  perCharacter,
  perPatternCharacter,
  scaled,
  times,
  add,
  fixed,
  type SizeRange,
} from '#shared/cel/cost-range.ts';
import type { CostRules, EstimatedArgument } from '#shared/cel/functions.ts';
import { isList, isMap, type CelValue } from '#shared/cel/values.ts';

/** How much there is to go through in a value: characters, octets, elements; 1 for anything else. */
export function sizeOf(value: CelValue): number {
  if (typeof value === 'string') return lengthOf(value);
  if (value instanceof Uint8Array) return value.length;
  if (isList(value)) return value.length;
  return isMap(value) ? value.size : 1;
}

/** In code points. */
export function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}

/** Goes once through the argument of that index, `factor` times. */
export function traversal(index: number, factor = 1): CostRules {
  return {
    cost: (args) => Math.ceil(sizeOf(args[index]!) * factor * perCharacter),
    estimate: (args) => ({ cost: scaled(sizeAt(args, index), factor * perCharacter) }),
  };
}

/** The same, with a result that is no longer than what was gone through. */
export function traversalKeepingSize(index: number): CostRules {
  const rules = traversal(index);
  return {
    ...rules,
    estimate: (args) => ({ ...rules.estimate!(args), size: sizeAt(args, index) }),
  };
}

/** As long as the shorter of both. */
export const comparison: CostRules = {
  cost: ([left, right]) => Math.ceil(Math.min(sizeOf(left!), sizeOf(right!)) * perCharacter),
  estimate([left, right]) {
    const most = Math.min(left!.size.max, right!.size.max);
    return { cost: scaled({ min: most > 0 ? 1 : 0, max: most }, perCharacter) };
  },
};

/** Text to be matched is argument 0, the pattern argument 1. */
export const matching: CostRules = {
  cost: ([text, pattern]) =>
    Math.ceil((1 + sizeOf(text!)) * perCharacter) *
    Math.ceil(sizeOf(pattern!) * perPatternCharacter),
  estimate([text, pattern]) {
    const textCost = scaled(add(text!.size, fixed(1)), perCharacter);
    return { cost: times(textCost, scaled(pattern!.size, perPatternCharacter)) };
  },
};

/** Every element of the list that is argument 0 is looked at. */
export const overList: CostRules = {
  cost: ([list]) => {
    if (!isList(list!)) return Math.ceil(sizeOf(list!) * perCharacter);
    const isText = typeof list[0] === 'string' || list[0] instanceof Uint8Array;
    if (!isText) return list.length;
    return list.reduce<number>((sum, each) => sum + 1 + Math.ceil(sizeOf(each) * perCharacter), 0);
  },
  estimate([list]) {
    const { type, size, items } = list!;
    if (type.kind !== 'list') return { cost: scaled(size, perCharacter) };
    const isText =
      type.items.kind === 'simple' && (type.items.name === 'string' || type.items.name === 'bytes');
    return { cost: times(size, isText ? add(fixed(1), scaled(items, perCharacter)) : fixed(1)) };
  },
};

function sizeAt(args: readonly EstimatedArgument[], index: number): SizeRange {
  return args[index]!.size;
}
