import goTypes from './go-types.json' with { type: 'json' };

/** A Go type as far as printing and encoding a pod template needs it. */
export type GoType =
  | { readonly kind: 'struct'; readonly name: string; readonly fields: readonly GoField[] }
  | { readonly kind: 'pointer' | 'slice'; readonly name: string; readonly of: GoType }
  | { readonly kind: 'map'; readonly name: string; readonly of: GoType }
  | { readonly kind: 'string' | 'number' | 'bool'; readonly name: string }
  | { readonly kind: 'quantity' | 'intOrString' | 'time' | 'opaque'; readonly name: string };

export interface GoField {
  readonly goName: string;
  readonly jsonName: string;
  /** Flat in JSON: an embedded struct. */
  readonly isInline: boolean;
  readonly omitsEmpty: boolean;
  readonly omitsZero: boolean;
  /** Read late: types recurse. */
  readonly type: GoType;
}

type FieldRow = readonly [goName: string, jsonName: string, options: string, type: string];

const rows = goTypes as unknown as Readonly<Record<string, readonly FieldRow[]>>;
const parsed = new Map<string, GoType>();

/** The type that Go prints as `text`; `Name=kind` is a named scalar, `!Name!type` a named map. */
export function goType(text: string): GoType {
  const known = parsed.get(text);
  if (known) return known;
  const type = parse(text);
  parsed.set(text, type);
  return type;
}

function parse(text: string): GoType {
  if (text.startsWith('*')) {
    const of = goType(text.slice(1));
    return { kind: 'pointer', name: `*${of.name}`, of };
  }
  if (text.startsWith('[]')) {
    const of = goType(text.slice(2));
    return { kind: 'slice', name: `[]${of.name}`, of };
  }
  if (text.startsWith('!')) {
    const [, name = '', rest = ''] = text.split('!');
    return { ...goType(rest), name };
  }
  if (text.startsWith('map[')) {
    const close = text.indexOf(']');
    const of = goType(text.slice(close + 1));
    return { kind: 'map', name: `map[${goType(text.slice(4, close)).name}]${of.name}`, of };
  }
  if (text === 'resource.Quantity') return { kind: 'quantity', name: text };
  if (text === 'intstr.IntOrString') return { kind: 'intOrString', name: text };
  if (text === 'v1.Time') return { kind: 'time', name: text };
  const fields = rows[text];
  if (fields) return { kind: 'struct', name: text, fields: fields.map(fieldOf) };
  const [name = text, kind = text] = text.split('=');
  if (kind === 'string' || kind === 'bool') return { kind, name };
  if (kind.startsWith('int')) return { kind: 'number', name };
  return { kind: 'opaque', name };
}

function fieldOf([goName, jsonName, options, type]: FieldRow): GoField {
  return {
    goName,
    jsonName,
    isInline: options.includes('i'),
    omitsEmpty: options.includes('e'),
    omitsZero: options.includes('z'),
    get type() {
      return goType(type);
    },
  };
}
