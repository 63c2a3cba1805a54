import type { GoType } from './go-types.ts';

type Json = Readonly<Record<string, unknown>>;

/**
 * The value as Go would encode it and read it back into generic maps: members that Go leaves out
 * when empty are left out, value structs are there even when empty, and keys are sorted.
 */
export function normalized(type: GoType, value: unknown): unknown {
  switch (type.kind) {
    case 'struct':
      return sorted(members(type, (value ?? {}) as Json));
    case 'pointer':
      return normalized(type.of, value);
    case 'slice':
      return ((value ?? []) as readonly unknown[]).map((item) => normalized(type.of, item));
    case 'map':
      return sorted(
        Object.entries((value ?? {}) as Json).map(([key, item]) => [
          key,
          normalized(type.of, item),
        ]),
      );
    case 'string':
      return value ?? '';
    case 'number':
    case 'intOrString':
      return value ?? 0;
    case 'bool':
      return value ?? false;
    case 'quantity':
      return typeof value === 'number' ? String(value) : (value ?? '0');
    case 'time':
    case 'opaque':
    default:
      return value ?? null;
  }
}

/** JSON as Go's encoder writes it: no spaces, and `<`, `>`, `&` and two line separators escaped. */
export function goJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function members(type: GoType & { kind: 'struct' }, owner: Json): [string, unknown][] {
  const found: [string, unknown][] = [];
  for (const field of type.fields) {
    const value = owner[field.jsonName];
    if (field.isInline) {
      const inner = field.type.kind === 'pointer' ? field.type.of : field.type;
      if (inner.kind === 'struct') found.push(...members(inner, owner));
    } else if (!isLeftOut(field, value))
      found.push([field.jsonName, normalized(field.type, value)]);
  }
  return found;
}

function isLeftOut(
  { omitsEmpty, omitsZero, type }: { omitsEmpty: boolean; omitsZero: boolean; type: GoType },
  value: unknown,
): boolean {
  if (omitsZero && (value === undefined || value === null)) return true;
  if (!omitsEmpty) return false;
  if (type.kind === 'struct' || type.kind === 'quantity' || type.kind === 'intOrString')
    return false;
  if (value === undefined || value === null) return true;
  if (type.kind === 'pointer') return false;
  if (type.kind === 'slice') return (value as readonly unknown[]).length === 0;
  if (type.kind === 'map') return Object.keys(value).length === 0;
  return value === '' || value === 0 || value === false;
}

function sorted(entries: readonly (readonly [string, unknown])[]): Json {
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : Number(a > b))));
}
