import { DecodeContext, DecodeError } from '#shared/api/codec/decode-context.ts';
import { type ParsedJson, tooDeep } from '#shared/api/codec/json.ts';
import { keyOccurrences, shownPath } from '#shared/api/codec/json-keys.ts';
import { structOf } from '#shared/api/codec/type-codec.ts';
import { membersOf, typeData } from '#shared/api/schema/type-data.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';

export { DecodeError } from '#shared/api/codec/decode-context.ts';

export interface Decoded<T = Draft<KubeObject>> {
  /** A fresh draft in the form that upstream stores and serves; shares only raw JSON with the input. */
  readonly object: T;
  /** Such as `unknown field "spec.foo"`; empty unless asked for. */
  readonly strictErrors: readonly string[];
}

export interface DecodeOptions {
  /** Collect unknown fields, and duplicate ones where the text is known. */
  readonly isStrict?: boolean;
  /** The text that the value was parsed from, to find duplicate keys in it. */
  readonly source?: { readonly text: string; readonly parsed: ParsedJson };
}

/**
 * Turns a parsed value into what Go's typed decoding and encoding would make of it: unknown members
 * dropped, types checked, quantities and times canonical, empty members left out where they are
 * `omitempty` and written where they are not. A kind's own `apiVersion` and `kind` are always set.
 * Throws `DecodeError` with Go's message.
 */
export function decodeObject<T = Draft<KubeObject>>(
  typeName: string,
  value: unknown,
  options: DecodeOptions = {},
): Decoded<T> {
  const context = new DecodeContext(options.isStrict === true);
  const object = decoded(typeName, value, context) as T;
  context.finish();
  const { source } = options;
  if (!context.isStrict || !source || context.keys === source.parsed.keys)
    return { object, strictErrors: context.strictErrors };
  return { object, strictErrors: strictErrorsIn(typeName, source.text) };
}

function decoded(typeName: string, value: unknown, context: DecodeContext): unknown {
  try {
    return structOf(typeName).decode(value, context);
  } catch (error) {
    if (error instanceof RangeError) throw new DecodeError(tooDeep, { cause: error });
    throw error;
  }
}

/** The members that Go always writes, for a value that nobody gave. */
export function zeroOf(typeName: string): Record<string, unknown> {
  return structOf(typeName).zero();
}

/** Strict errors in the order of the document, for one that holds duplicate keys. */
function strictErrorsIn(typeName: string, text: string): readonly string[] {
  const errors = new Set<string>();
  for (const { path, isDuplicate } of keyOccurrences(text)) {
    const known = isKnown(typeName, path);
    const shown = shownPath(path);
    if (known === false) errors.add(`unknown field ${shown}`);
    else if (known && isDuplicate) errors.add(`duplicate field ${shown}`);
  }
  return [...errors];
}

/** False for a key that its struct does not have; `undefined` inside such a key and inside raw JSON. */
function isKnown(typeName: string, path: readonly (string | number)[]): boolean | undefined {
  let wire = `ref:${typeName}`;
  for (const [index, step] of path.entries()) {
    if (wire.startsWith('list:')) wire = wire.slice('list:'.length);
    else if (wire.startsWith('map:')) wire = wire.slice('map:'.length);
    else if (wire.startsWith('ref:')) {
      const typeName = wire.slice('ref:'.length);
      const type = typeData(typeName);
      if (type.jsonUnion) return undefined;
      const member = membersOf(typeName).find(({ name }) => name === step);
      if (type.list === undefined && !member) return index === path.length - 1 ? false : undefined;
      wire = member?.data.t ?? type.list!;
    } else return undefined;
  }
  return true;
}
