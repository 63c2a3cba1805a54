import { syntaxErrorOf } from '#shared/api/codec/json-syntax.ts';

/**
 * Reads JSON as upstream's decoder does. The work is `JSON.parse`'s; one quick walk over the text
 * besides finds what it would hide: duplicate keys, and numbers whose spelling matters.
 */

/**
 * A number that must not be taken for an integer (`1.0`, `1e3`), or that a float cannot hold.
 * `parseJson` leaves ordinary numbers alone.
 */
export class NumberLiteral {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }

  /** As an untyped reader sees it. */
  valueOf(): number {
    return Number(this.source);
  }
}

export interface ParsedJson {
  /** Private to the caller. */
  readonly value: unknown;
  /** Keys in the text; more than the value has when some were given twice. */
  readonly keys: number;
}

/** Invalid JSON, worded as Go words it. */
export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError';
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

export function textOf(body: Uint8Array | string): string {
  return typeof body === 'string' ? body : utf8.decode(body);
}

/** Numbers that are not plainly spelled come out as `NumberLiteral`; throws `JsonSyntaxError`. */
export function parseJson(text: string): ParsedJson {
  const value = parsed(text);
  const { keys, hasOddNumbers } = survey(text);
  return { value: hasOddNumbers ? parsed(text, keepLiterals) : value, keys };
}

/** The same for readers that know no types: every number is a number. */
export function parseUntypedJson(text: string): ParsedJson {
  return { value: parsed(text), keys: survey(text).keys };
}

/** Go stops at ten thousand levels, this machine's stack somewhat earlier. */
export const tooDeep = 'exceeded max depth';

function parsed(text: string, reviver?: typeof keepLiterals): unknown {
  try {
    return JSON.parse(text, reviver);
  } catch (error) {
    const message = error instanceof RangeError ? tooDeep : syntaxErrorOf(text);
    throw new JsonSyntaxError(message, { cause: error });
  }
}

function keepLiterals(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || context?.source === undefined) return value;
  return String(value) === context.source ? value : new NumberLiteral(context.source);
}

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
const openBracket = 0x5b;

/** Text must be valid JSON. Jumps from string to string; looks at numbers after a colon or a bracket. */
function survey(text: string): { keys: number; hasOddNumbers: boolean } {
  let keys = 0;
  let hasOddNumbers = false;
  let start = text.indexOf('"');
  while (start >= 0) {
    const end = endOfString(text, start);
    let next = skipSpace(text, end + 1);
    if (text.charCodeAt(next) === colon) {
      keys++;
      next = skipSpace(text, next + 1);
      if (!hasOddNumbers) hasOddNumbers = isOddNumberAt(text, next);
    }
    start = text.indexOf('"', next);
  }
  return { keys, hasOddNumbers };
}

/** The index of the quote that ends the string which begins at `start`. */
export function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (text.charCodeAt(end - 1) === backslash && isEscaped(text, end))
    end = text.indexOf('"', end + 1);
  return end;
}

function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text.charCodeAt(first - 1) === backslash) first--;
  return (at - first) % 2 === 1;
}

export function skipSpace(text: string, from: number): number {
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at;
    at++;
  }
}

const oddNumber = /-?\d*(?:\d{16}|\d\.|\d[eE])/y;
const oddNumberInList = /\[[^"[\]{}]*(?:\d{16}|\d\.|\d[eE])/y;

function isOddNumberAt(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  if (code === quote) return false;
  if (code === openBracket) {
    oddNumberInList.lastIndex = at;
    return oddNumberInList.test(text);
  }
  if (code !== 0x2d && (code < 0x30 || code > 0x39)) return false;
  oddNumber.lastIndex = at;
  return oddNumber.test(text);
}

/** Keys of a parsed value, nested ones included. */
export function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null || value instanceof NumberLiteral) return 0;
  let keys = 0;
  if (Array.isArray(value)) {
    for (const item of value) keys += countKeys(item);
    return keys;
  }
  for (const key in value) {
    keys++;
    const member = (value as Readonly<Record<string, unknown>>)[key];
    if (typeof member === 'object') keys += countKeys(member);
  }
  return keys;
}

/** The value with plain numbers, for members whose content nobody types; itself where it has no others. */
export function withPlainNumbers(value: unknown): unknown {
  return holdsLiteral(value) ? plainCopy(value) : value;
}

function holdsLiteral(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (value instanceof NumberLiteral) return true;
  if (Array.isArray(value)) return value.some(holdsLiteral);
  for (const key in value)
    if (holdsLiteral((value as Readonly<Record<string, unknown>>)[key])) return true;
  return false;
}

function plainCopy(value: unknown): unknown {
  if (value instanceof NumberLiteral) return value.valueOf();
  if (Array.isArray(value)) return value.map(plainCopy);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plainCopy(member)]));
}
