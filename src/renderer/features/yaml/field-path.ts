import { memberOf, resolved, type Rooted, type Schema } from './language/schema.ts';

/** The item of a list that has these values. */
export interface ItemKey {
  readonly keys: Readonly<Record<string, unknown>>;
}

/** A member by name, or an item by its keys. */
export type FieldStep = string | ItemKey;
export type FieldPath = readonly FieldStep[];

export type Value = unknown;
export type MapValue = Readonly<Record<string, Value>>;

export function isMapValue(value: Value): value is MapValue {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** As upstream writes it: `.spec.containers[name="web"].image`. */
export function fieldText(path: FieldPath): string {
  return path.map((step) => (typeof step === 'string' ? `.${step}` : keyText(step))).join('');
}

function keyText({ keys }: ItemKey): string {
  const parts = Object.entries(keys).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `[${parts.join(',')}]`;
}

/** The keys that tell the items of a list apart; undefined where the list is one value. */
export function listKeysOf(rooted: Rooted | undefined): readonly string[] | undefined {
  const { schema } = rooted ? resolved(rooted) : { schema: undefined };
  if (schema?.['x-kubernetes-list-type'] !== 'map') return undefined;
  return schema['x-kubernetes-list-map-keys'];
}

/** Whether a map is one value whose members nobody owns alone. */
export function isAtomicMap(rooted: Rooted | undefined): boolean {
  return rooted !== undefined && resolved(rooted).schema['x-kubernetes-map-type'] === 'atomic';
}

export function isSet(rooted: Rooted | undefined): boolean {
  return rooted !== undefined && resolved(rooted).schema['x-kubernetes-list-type'] === 'set';
}

/** The values of an item's keys; what it leaves out has its default. */
export function itemKey(item: Value, names: readonly string[], list: Rooted): ItemKey {
  const of = memberOf(list, 0);
  const entries = names.map((name) => [name, isMapValue(item) ? item[name] : undefined] as const);
  return {
    keys: Object.fromEntries(
      entries
        .map(([name, value]) => [name, value ?? defaultOf(of, name)] as const)
        .filter(([, value]) => value !== undefined),
    ),
  };
}

function defaultOf(item: Rooted | undefined, name: string): unknown {
  const member = item && memberOf(item, name);
  const schema: Schema | undefined = member?.schema;
  return schema?.default === 0 ? undefined : schema?.default;
}

export function indexOfItem(list: readonly Value[], { keys }: ItemKey): number {
  return list.findIndex(
    (item) =>
      isMapValue(item) &&
      Object.entries(keys).every(
        ([name, value]) =>
          item[name] === value || (item[name] === undefined && name === 'protocol'),
      ),
  );
}

/** What is at the path; undefined where it leads nowhere. */
export function valueAt(object: Value, path: FieldPath): Value {
  let at = object;
  for (const step of path) {
    if (typeof step === 'string') at = isMapValue(at) ? at[step] : undefined;
    else at = Array.isArray(at) ? (at as readonly Value[])[indexOfItem(at, step)] : undefined;
    if (at === undefined) return undefined;
  }
  return at;
}

/**
 * Reads `.spec.containers[name="web"].image` with the help of an object that has such a field: names
 * may hold dots themselves. Undefined where the object has no such field.
 */
export function parseFieldText(text: string, object: Value): FieldPath | undefined {
  if (text === '') return [];
  if (text.startsWith('.') && isMapValue(object)) {
    const rest = text.slice(1);
    const names = Object.keys(object)
      .filter((name) => rest === name || /^[.[]/.test(rest.slice(name.length)))
      .filter((name) => rest.startsWith(name))
      .toSorted((a, b) => b.length - a.length);
    for (const name of names) {
      const below = parseFieldText(rest.slice(name.length), object[name]);
      if (below) return [name, ...below];
    }
    return undefined;
  }
  const item = /^\[((?:[^\]"]|"(?:[^"\\]|\\.)*")*)\]/.exec(text);
  if (!item || !Array.isArray(object)) return undefined;
  const key = parseKey(item[1]!);
  // An item of a set is a value: the list is what it belongs to.
  if (!key) return [];
  const index = indexOfItem(object, key);
  const below = parseFieldText(text.slice(item[0].length), (object as readonly Value[])[index]);
  return below && [key, ...below];
}

function parseKey(text: string): ItemKey | undefined {
  const pairs = [...text.matchAll(/(\w+)=("(?:[^"\\]|\\.)*"|[^,]+)/g)];
  if (pairs.length === 0) return undefined;
  return {
    keys: Object.fromEntries(
      pairs.map(([, name, value]) => [name!, JSON.parse(value!) as unknown]),
    ),
  };
}

/** The same without these fields. */
export function withoutFields(object: Value, paths: readonly FieldPath[]): Value {
  return paths.reduce(withoutField, object);
}

function withoutField(object: Value, path: FieldPath): Value {
  const [step, ...rest] = path;
  if (step === undefined) return object;
  if (typeof step === 'string') {
    if (!isMapValue(object)) return object;
    const { [step]: member, ...others } = object;
    return rest.length === 0 ? others : { ...object, [step]: withoutField(member, rest) };
  }
  if (!Array.isArray(object)) return object;
  const items = object as readonly Value[];
  const index = indexOfItem(items, step);
  if (index < 0) return object;
  if (rest.length === 0) return items.toSpliced(index, 1);
  return items.with(index, withoutField(items[index], rest));
}
