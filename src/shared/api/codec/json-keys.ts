import { countKeys, endOfString, type ParsedJson, skipSpace } from '#shared/api/codec/json.ts';

/** A key of the document, in order; `isDuplicate` when the same object had it before. */
export interface KeyOccurrence {
  readonly path: readonly (string | number)[];
  readonly isDuplicate: boolean;
}

/** Walks valid JSON and names every key; slow, for documents that are known to hold duplicates. */
export function keyOccurrences(text: string): readonly KeyOccurrence[] {
  const occurrences: KeyOccurrence[] = [];
  let at = 0;
  const skip = (): void => {
    at = skipSpace(text, at);
  };
  const readString = (): string => {
    const end = endOfString(text, at);
    const value = JSON.parse(text.slice(at, end + 1)) as string;
    at = end + 1;
    return value;
  };
  const readMembers = (path: readonly (string | number)[]): void => {
    const seen = new Set<string>();
    for (at++, skip(); text[at] !== '}'; skip()) {
      const key = readString();
      occurrences.push({ path: [...path, key], isDuplicate: seen.has(key) });
      seen.add(key);
      skip();
      at++;
      readValue([...path, key]);
      skip();
      if (text[at] === ',') at++;
    }
    at++;
  };
  const readItems = (path: readonly (string | number)[]): void => {
    let index = 0;
    for (at++, skip(); text[at] !== ']'; skip()) {
      readValue([...path, index++]);
      skip();
      if (text[at] === ',') at++;
    }
    at++;
  };
  const readValue = (path: readonly (string | number)[]): void => {
    skip();
    if (text[at] === '{') readMembers(path);
    else if (text[at] === '[') readItems(path);
    else if (text[at] === '"') at = endOfString(text, at) + 1;
    else while (at < text.length && !/[\s,\]}]/.test(text[at]!)) at++;
  };
  readValue([]);
  return occurrences;
}

/** What strict reading says of a document whose types nobody knows: each key that was given twice. */
export function duplicateFields({
  text,
  parsed,
}: {
  readonly text: string;
  readonly parsed: ParsedJson;
}): readonly string[] {
  if (countKeys(parsed.value) === parsed.keys) return [];
  const duplicates = keyOccurrences(text).filter(({ isDuplicate }) => isDuplicate);
  return [...new Set(duplicates.map(({ path }) => `duplicate field ${shownPath(path)}`))];
}

/** `"spec.containers[0].name"`, in quotes. */
export function shownPath(path: readonly (string | number)[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += text ? `.${step}` : step;
  }
  return JSON.stringify(text);
}
