import type { SchemaType } from '#shared/api/apiextensions/rules/schema-types.ts';
import { celValueOf } from '#shared/cel/json-values.ts';
import { parseDuration, parseTimestamp } from '#shared/cel/times.ts';
import type { CelType } from '#shared/cel/types.ts';
import {
  CelDuration,
  CelTimestamp,
  unorderedList,
  type CelMap,
  type CelValue,
} from '#shared/cel/values.ts';

type Json = Readonly<Record<string, unknown>>;

/** A value as its schema's type says; what it holds is converted when asked for. */
export function celValueIn(schemaType: SchemaType | undefined, value: unknown): CelValue {
  if (value === null || value === undefined) return null;
  if (!schemaType) return celValueOf(value);
  const { type, schema, element } = schemaType;
  if (Array.isArray(value)) {
    const items = value.map((item) => celValueIn(element, item));
    const listType = schema['x-kubernetes-list-type'];
    if (listType !== 'set' && listType !== 'map') return items;
    return unorderedList(items, schema['x-kubernetes-list-map-keys'] ?? []);
  }
  if (typeof value === 'number')
    return type.kind === 'simple' && type.name === 'double' ? value : celValueOf(value);
  if (typeof value === 'string') return textIn(type, value);
  if (typeof value === 'object') return new SchemaMap(schemaType, value as Json);
  return celValueOf(value);
}

function textIn(type: CelType, text: string): CelValue {
  if (type.kind !== 'simple') return text;
  if (type.name === 'bytes') return Uint8Array.from(atob(text), (each) => each.codePointAt(0)!);
  if (type.name === 'duration') {
    const nanoseconds = parseDuration(text);
    return nanoseconds === undefined ? text : new CelDuration(nanoseconds);
  }
  if (type.name !== 'timestamp') return text;
  const whole = text.includes('T') || text.includes('t') ? text.toUpperCase() : `${text}T00:00:00Z`;
  const nanoseconds = parseTimestamp(whole);
  return nanoseconds === undefined ? text : new CelTimestamp(nanoseconds);
}

class SchemaMap implements CelMap {
  readonly isCelMap = true;
  readonly type?: CelType;
  readonly #schemaType: SchemaType;
  readonly #object: Json;
  readonly #converted = new Map<string, CelValue>();

  constructor(schemaType: SchemaType, object: Json) {
    if (schemaType.type.kind === 'object') this.type = schemaType.type;
    this.#schemaType = schemaType;
    this.#object = object;
  }

  get size(): number {
    return [...this.keys()].length;
  }

  get(key: CelValue): CelValue | undefined {
    if (typeof key !== 'string') return undefined;
    const known = this.#converted.get(key);
    if (known !== undefined) return known;
    const field = this.#schemaType.fields?.get(key);
    const name = field?.wireName ?? key;
    if (!Object.hasOwn(this.#object, name) || this.#object[name] === undefined) return undefined;
    const value = celValueIn(field ?? this.#schemaType.element, this.#object[name]);
    this.#converted.set(key, value);
    return value;
  }

  *keys(): Iterable<string> {
    const escaped = new Map(
      [...(this.#schemaType.fields ?? [])].map(([name, { wireName }]) => [wireName, name]),
    );
    for (const [name, value] of Object.entries(this.#object)) {
      if (value !== undefined) yield escaped.get(name) ?? name;
    }
  }
}
