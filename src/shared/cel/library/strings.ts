import { add, perCharacter, scaled } from '#shared/cel/cost-range.ts';
import type { CostRules, LibraryEntry } from '#shared/cel/functions.ts';
import { formatText } from '#shared/cel/library/strings-format.ts';
import {
  lengthOf,
  matching,
  overList,
  sizeOf,
  traversal,
  traversalKeepingSize,
} from '#shared/cel/library/sizes.ts';
import { CelError, typeName, typeOf, type CelValue } from '#shared/cel/values.ts';
import { goRegExp } from '#shared/kube/go-regexp.ts';

const containing: CostRules = {
  cost: ([text, part]) =>
    Math.ceil(sizeOf(text!) * perCharacter) * Math.ceil(sizeOf(part!) * perCharacter),
  estimate([text, part]) {
    const [left, right] = [scaled(text!.size, perCharacter), scaled(part!.size, perCharacter)];
    return { cost: { min: left.min * right.min, max: product(left.max, right.max) } };
  },
};

function product(left: number, right: number): number {
  return left === 0 || right === 0 ? 0 : left * right;
}

const joining: CostRules = {
  cost: (_args, result) => Math.ceil(sizeOf(result) * 2 * perCharacter),
  estimate([list, separator]) {
    const each = separator ? add(list!.items, separator.size) : list!.items;
    const size = { min: product(list!.size.min, each.min), max: product(list!.size.max, each.max) };
    return { cost: scaled(size, 2 * perCharacter), size };
  },
};

/** Cost estimates look at the argument; what is run looks at the text. */
const beginning: CostRules = {
  cost: ([text]) => Math.ceil(sizeOf(text!) * perCharacter),
  estimate: ([, part]) => ({ cost: scaled(part!.size, perCharacter) }),
};

export const strings: readonly LibraryEntry[] = [
  [
    'string::contains(string): bool',
    (text: string, part: string) => text.includes(part),
    containing,
  ],
  [
    'string::startsWith(string): bool',
    (text: string, part: string) => text.startsWith(part),
    beginning,
  ],
  [
    'string::endsWith(string): bool',
    (text: string, part: string) => text.endsWith(part),
    beginning,
  ],
  ['matches(string, string): bool', matches, matching],
  ['string::matches(string): bool', matches, matching],
  ['string::charAt(int): string', charAt],
  [
    'string::indexOf(string): int',
    (text: string, part: string) => indexOf(text, part, 0n),
    overList,
  ],
  ['string::indexOf(string, int): int', indexOf, overList],
  [
    'string::lastIndexOf(string): int',
    (text: string, part: string) => lastIndexOf(text, part),
    overList,
  ],
  ['string::lastIndexOf(string, int): int', lastIndexOf, overList],
  ['string::lowerAscii(): string', lowerAscii, traversalKeepingSize(0)],
  ['string::upperAscii(): string', upperAscii, traversalKeepingSize(0)],
  ['string::trim(): string', trim, traversalKeepingSize(0)],
  [
    'string::substring(int): string',
    (text: string, start: bigint) => substring(text, start),
    traversalKeepingSize(0),
  ],
  ['string::substring(int, int): string', substring, traversalKeepingSize(0)],
  [
    'string::replace(string, string): string',
    (text: string, from: string, to: string) => replace(text, from, to, -1n),
    traversal(0, 2),
  ],
  ['string::replace(string, string, int): string', replace, traversal(0, 2)],
  [
    'string::split(string): list(string)',
    (text: string, by: string) => split(text, by, -1n),
    traversal(0, 2),
  ],
  ['string::split(string, int): list(string)', split, traversal(0, 2)],
  ['list(string)::join(): string', (list: readonly CelValue[]) => join(list, ''), joining],
  ['list(string)::join(string): string', join, joining],
  ['string::format(list(dyn)): string', formatText, traversal(0)],
  ['strings.quote(string): string', quote, traversal(0)],
  ['string::find(string): string', find, matching],
  [
    'string::findAll(string): list(string)',
    (text: string, pattern: string) => findAll(text, pattern, -1n),
    matching,
  ],
  ['string::findAll(string, int): list(string)', findAll, matching],
];

function patternOf(pattern: string, flags: '' | 'g' = ''): RegExp {
  try {
    return goRegExp(pattern, flags);
  } catch (cause) {
    throw new CelError((cause as Error).message, { cause });
  }
}

function matches(text: string, pattern: string): boolean {
  return patternOf(pattern).test(text);
}

function find(text: string, pattern: string): string {
  return patternOf(pattern).exec(text)?.[0] ?? '';
}

function findAll(text: string, pattern: string, most: bigint): string[] {
  const all = Array.from(text.matchAll(patternOf(pattern, 'g')), ([found]) => found);
  return most < 0n ? all : all.slice(0, Number(most));
}

function charAt(text: string, index: bigint): string {
  const characters = Array.from(text);
  if (index < 0n || index > characters.length) throw outOfRange(index);
  return characters[Number(index)] ?? '';
}

function indexOf(text: string, part: string, from: bigint): bigint {
  const characters = Array.from(text);
  if (from < 0n || from > characters.length) throw outOfRange(from);
  if (part === '') return from;
  const before = characters.slice(0, Number(from)).join('').length;
  const at = text.indexOf(part, before);
  return at < 0 ? -1n : BigInt(lengthOf(text.slice(0, at)));
}

function lastIndexOf(text: string, part: string, from?: bigint): bigint {
  const characters = Array.from(text);
  if (from !== undefined && (from < 0n || from > characters.length)) throw outOfRange(from);
  if (part === '') return from ?? BigInt(characters.length);
  const before = characters.slice(0, Number(from ?? characters.length)).join('').length;
  const at = text.lastIndexOf(part, before);
  return at < 0 ? -1n : BigInt(lengthOf(text.slice(0, at)));
}

function substring(text: string, start: bigint, end?: bigint): string {
  const characters = Array.from(text);
  if (end !== undefined && start > end) {
    throw new CelError(`invalid substring range. start: ${start}, end: ${end}`);
  }
  for (const each of [start, end ?? 0n]) {
    if (each < 0n || each > characters.length) throw outOfRange(each);
  }
  return characters.slice(Number(start), end === undefined ? undefined : Number(end)).join('');
}

function outOfRange(index: bigint): CelError {
  return new CelError(`index out of range: ${index}`);
}

function lowerAscii(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function upperAscii(text: string): string {
  return text.replaceAll(/[a-z]/g, (letter) => letter.toUpperCase());
}

function trim(text: string): string {
  return text.replaceAll(/^[\s\u0085]+|[\s\u0085]+$/gu, '');
}

function replace(text: string, from: string, to: string, most: bigint): string {
  const parts = from === '' ? ['', ...Array.from(text), ''] : text.split(from);
  const count = most < 0n ? parts.length - 1 : Math.min(Number(most), parts.length - 1);
  const rest = parts.slice(count).join(from);
  return count === 0 ? rest : parts.slice(0, count).join(to) + to + rest;
}

function split(text: string, by: string, most: bigint): string[] {
  if (most === 0n) return [];
  const parts = by === '' ? Array.from(text) : text.split(by);
  if (most < 0n || parts.length <= most) return parts;
  const kept = Number(most) - 1;
  return [...parts.slice(0, kept), parts.slice(kept).join(by)];
}

function join(list: readonly CelValue[], separator: string): string {
  const parts = list.map((each) => {
    if (typeof each === 'string') return each;
    throw new CelError(`join: invalid input: ${typeName(typeOf(each))}`);
  });
  return parts.join(separator);
}

const escapes: Readonly<Record<string, string>> = {
  '\x07': String.raw`\a`,
  '\b': String.raw`\b`,
  '\f': String.raw`\f`,
  '\n': String.raw`\n`,
  '\r': String.raw`\r`,
  '\t': String.raw`\t`,
  '\v': String.raw`\v`,
  '\\': String.raw`\\`,
  '"': String.raw`\"`,
};

function quote(text: string): string {
  // eslint-disable-next-line no-control-regex -- these are what is to be quoted
  return `"${text.replaceAll(/[\x07\b\f\n\r\t\v\\"]/g, (each) => escapes[each] ?? each)}"`;
}
