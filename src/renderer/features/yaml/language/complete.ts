import { isMap, isScalar, isSeq } from 'yaml';
import { documentAt, parseDocuments, typeOf } from './documents.ts';
import type { FindSchema } from './diagnose.ts';
import { resolved, schemaAt, typeText, type PathStep, type Rooted } from './schema.ts';

/** One thing that could stand at the cursor. */
export interface Suggestion {
  readonly label: string;
  /** With `$0` where the cursor goes. */
  readonly insert: string;
  readonly detail: string;
  readonly documentation: string;
  readonly isRequired: boolean;
  readonly isValue: boolean;
}

export interface Suggestions {
  /** What is replaced: the characters from here to the cursor and on to `to`. */
  readonly from: number;
  readonly to: number;
  readonly items: readonly Suggestion[];
}

/** A kind that the cluster serves, for `apiVersion` and `kind`. */
export interface KnownKind {
  readonly apiVersion: string;
  readonly kind: string;
}

const cursor = 'pilothouse·cursor';

/** What the schema allows at the cursor. */
export function complete(
  text: string,
  offset: number,
  { findSchema, kinds }: { readonly findSchema: FindSchema; readonly kinds: readonly KnownKind[] },
): Suggestions {
  const spot = spotAt(text, offset);
  if (!spot) return { from: offset, to: offset, items: [] };
  const { from, to, isValue } = spot;
  const marked = `${text.slice(0, from)}${isValue ? cursor : `${cursor}: `}${text.slice(to)}`;
  const document = documentAt(parseDocuments(marked), from);
  const found = document && findCursor(document.contents, []);
  if (!document || !found) return { from, to, items: [] };
  const { path, siblings } = found;
  const { apiVersion, kind } = typeOf(document);
  const root = findSchema(apiVersion, kind);
  if (isValue && path.length === 1 && (path[0] === 'kind' || path[0] === 'apiVersion'))
    return { from, to, items: identities(path[0], { apiVersion, kind, kinds }) };
  const at = root && schemaAt(root, isValue ? path : path.slice(0, -1));
  if (!isValue && path.length === 1) {
    const items = at ? keysOf(at, siblings, text, from) : typeKeys(siblings);
    return { from, to, items };
  }
  if (!at) return { from, to, items: [] };
  const items = isValue ? valuesOf(at) : keysOf(at, siblings, text, from);
  // An item of a list of words, not of a list of maps.
  if (!isValue && items.length === 0) return { from, to, items: valuesOf(at) };
  return { from, to, items };
}

interface Spot {
  readonly from: number;
  readonly to: number;
  readonly isValue: boolean;
}

/** A key or a value that is being typed; undefined in comments and within text. */
function spotAt(text: string, offset: number): Spot | undefined {
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  const before = text.slice(lineStart, offset);
  const after = /^[\w./-]*/.exec(text.slice(offset))?.[0] ?? '';
  const key = /^(\s*(?:- +)*)([\w./-]*)$/.exec(before);
  if (key) return { from: lineStart + key[1]!.length, to: offset + after.length, isValue: false };
  const value = /^(\s*(?:- +)*[^\s#:"'][^#:"']*: +)(\S*)$/.exec(before);
  return value && !value[2]!.startsWith('"')
    ? { from: lineStart + value[1]!.length, to: offset + after.length, isValue: true }
    : undefined;
}

interface Found {
  readonly path: readonly PathStep[];
  readonly siblings: readonly string[];
}

function findCursor(node: unknown, path: readonly PathStep[]): Found | undefined {
  if (isScalar(node)) return node.value === cursor ? { path, siblings: [] } : undefined;
  if (isMap(node)) {
    const names = node.items.map(({ key }) => (isScalar(key) ? String(key.value) : ''));
    if (names.includes(cursor)) return { path: [...path, cursor], siblings: names };
    for (const [index, { value }] of node.items.entries()) {
      const found = findCursor(value, [...path, names[index]!]);
      if (found) return found;
    }
  }
  if (isSeq(node))
    for (const [index, item] of node.items.entries()) {
      const found = findCursor(item, [...path, index]);
      if (found) return found;
    }
  return undefined;
}

function keysOf(
  rooted: Rooted,
  siblings: readonly string[],
  text: string,
  from: number,
): readonly Suggestion[] {
  const { schema, definitions } = resolved(rooted);
  const lineStart = text.lastIndexOf('\n', from - 1) + 1;
  const indent = ' '.repeat(from - lineStart);
  const required = new Set(schema.required);
  return Object.entries(schema.properties ?? {})
    .filter(([name]) => !siblings.includes(name) && !(name === 'status' && from === lineStart))
    .map(([name, member]) => {
      const of = resolved({ schema: member, definitions });
      return {
        label: name,
        insert: `${name}:${opening(of, indent)}`,
        detail: typeText(of),
        documentation: of.schema.description ?? '',
        isRequired: required.has(name),
        isValue: false,
      };
    })
    .toSorted(
      (a, b) => Number(b.isRequired) - Number(a.isRequired) || a.label.localeCompare(b.label),
    );
}

/** What follows the colon: a line of its own for maps and lists. */
function opening({ schema, definitions }: Rooted, indent: string): string {
  if (schema.type === 'array') {
    const item = schema.items && resolved({ schema: schema.items, definitions }).schema;
    const key = item?.required?.[0];
    return `\n${indent}  - ${key !== undefined && item?.properties ? `${key}: ` : ''}$0`;
  }
  const isMapLike = schema.properties !== undefined || schema.additionalProperties !== undefined;
  if (schema.type === 'object' || isMapLike) return `\n${indent}  $0`;
  return ' $0';
}

function valuesOf(rooted: Rooted): readonly Suggestion[] {
  const { schema } = resolved(rooted);
  const values = schema.enum ?? (schema.type === 'boolean' ? [true, false] : []);
  const withDefault = values.length === 0 && isPlain(schema.default) ? [schema.default] : values;
  return withDefault
    .filter((value) => value !== '')
    .map((value) => ({
      label: String(value),
      insert: String(value),
      detail: value === schema.default ? 'default' : '',
      documentation: schema.description ?? '',
      isRequired: false,
      isValue: true,
    }));
}

function isPlain(value: unknown): boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

function identities(
  asked: 'apiVersion' | 'kind',
  { apiVersion, kind, kinds }: KnownKind & { readonly kinds: readonly KnownKind[] },
): readonly Suggestion[] {
  const fitting = kinds.filter((each) =>
    asked === 'kind'
      ? apiVersion === '' || each.apiVersion === apiVersion
      : kind === '' || each.kind === kind,
  );
  return [...new Set(fitting.map((each) => each[asked]))].toSorted().map((label) => ({
    label,
    insert: label,
    detail: '',
    documentation: '',
    isRequired: false,
    isValue: true,
  }));
}

function typeKeys(siblings: readonly string[]): readonly Suggestion[] {
  return ['apiVersion', 'kind', 'metadata']
    .filter((name) => !siblings.includes(name))
    .map((name) => ({
      label: name,
      insert: name === 'metadata' ? 'metadata:\n  name: $0' : `${name}: $0`,
      detail: '',
      documentation: '',
      isRequired: true,
      isValue: false,
    }));
}
