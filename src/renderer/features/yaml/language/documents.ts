import { isAlias, isMap, isScalar, isSeq, parseAllDocuments, type Document } from 'yaml';
import type { PathStep } from './schema.ts';

export type YamlDocument = Document.Parsed;

/** What is written; broken text gives as much as can be understood of it. */
export function parseDocuments(text: string): readonly YamlDocument[] {
  const documents = parseAllDocuments(text, { logLevel: 'silent', prettyErrors: true });
  return Array.isArray(documents) ? (documents as readonly YamlDocument[]) : [];
}

/** Nothing but blank lines and comments. */
export function isEmptyDocument({ contents, errors }: YamlDocument): boolean {
  const isNull = contents === null || (isScalar(contents) && contents.value === null);
  return isNull && errors.length === 0;
}

export interface TypeMeta {
  readonly apiVersion: string;
  readonly kind: string;
}

export function typeOf(document: YamlDocument): TypeMeta {
  const text = (key: string): string => {
    const value = isMap(document.contents) ? document.get(key) : undefined;
    return typeof value === 'string' ? value : '';
  };
  return { apiVersion: text('apiVersion'), kind: text('kind') };
}

/** Where a document begins and ends in the text. */
export function spanOf({ range }: YamlDocument): readonly [from: number, to: number] {
  return [range[0], range[2]];
}

/** The document that the position is in. */
export function documentAt(
  documents: readonly YamlDocument[],
  offset: number,
): YamlDocument | undefined {
  return documents.find((document) => offset <= spanOf(document)[1]) ?? documents.at(-1);
}

/** The members that lead to what is at the position, the key it stands on included. */
export function pathAt(document: YamlDocument, offset: number): readonly PathStep[] {
  const path: PathStep[] = [];
  let node: unknown = document.contents;
  for (;;) {
    if (isMap(node)) {
      const pair = node.items.findLast(({ key }) => startOf(key) <= offset);
      if (!pair || !isScalar(pair.key)) return path;
      path.push(String(pair.key.value));
      node = pair.value;
    } else if (isSeq(node)) {
      const index = node.items.findLastIndex((item) => startOf(item) <= offset);
      if (index < 0) return path;
      path.push(index);
      node = node.items[index];
    } else return path;
    if (startOf(node) > offset) return path;
  }
}

function startOf(node: unknown): number {
  if (isMap(node) || isSeq(node) || isScalar(node) || isAlias(node)) return node.range?.[0] ?? 0;
  return Number.POSITIVE_INFINITY;
}

/** The characters of what is at the path: its key where there is one, else itself. */
export function rangeOf(
  document: YamlDocument,
  path: readonly PathStep[],
): readonly [from: number, to: number] {
  let node: unknown = document.contents;
  let range: readonly [number, number] = [spanOf(document)[0], spanOf(document)[0]];
  for (const step of path) {
    const next = stepInto(node, step);
    if (!next) return range;
    range = next.range;
    node = next.node;
  }
  return range;
}

function stepInto(
  node: unknown,
  step: PathStep,
): { readonly node: unknown; readonly range: readonly [number, number] } | undefined {
  const rangeIn = (at: unknown): readonly [number, number] =>
    isMap(at) || isSeq(at) || isScalar(at) || isAlias(at)
      ? [at.range?.[0] ?? 0, at.range?.[1] ?? 0]
      : [0, 0];
  if (isMap(node)) {
    const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
    return pair && { node: pair.value, range: rangeIn(pair.key) };
  }
  if (isSeq(node) && typeof step === 'number') {
    const item = node.items[step];
    return item === undefined ? undefined : { node: item, range: firstLine(rangeIn(item)) };
  }
  return undefined;
}

/** A whole item would be underlined over many lines: its first characters say enough. */
function firstLine([from]: readonly [number, number]): readonly [number, number] {
  return [from, from + 1];
}
