import type { ListSchema, StructSchema } from '#shared/kube/schema.ts';

/**
 * One step of a path, as FieldsV1 spells it: `f:name` of a member, `k:{…}` of an item of a list of
 * objects by its keys, `v:…` of an item of a set by its value, `i:0` by its index.
 */
export type PathElement = string;

/** The value cannot be addressed: it lacks its keys, or is of the wrong kind. */
export class UnaddressableItem extends Error {
  override readonly name = 'UnaddressableItem';
}

interface KeyPlan {
  readonly name: string;
  /** `"name":` */
  readonly prefix: string;
  readonly default: unknown;
}

const fieldElements = new WeakMap<StructSchema, ReadonlyMap<string, PathElement>>();
const keyPlans = new WeakMap<ListSchema, readonly KeyPlan[]>();

/** The elements of a struct's declared members, made once. */
export function fieldElementsOf(schema: StructSchema): ReadonlyMap<string, PathElement> {
  let elements = fieldElements.get(schema);
  if (!elements) {
    elements = new Map([...schema.fields.keys()].map((name) => [name, `f:${name}`]));
    fieldElements.set(schema, elements);
  }
  return elements;
}

/** Addresses an item of a set or of a list of objects; throws `UnaddressableItem`. */
export function itemElement(schema: ListSchema, item: unknown): PathElement {
  if (schema.listType === 'map') return keyElement(schema, item);
  if (item === null) {
    throw new UnaddressableItem(
      "associative list without keys has an element that's an explicit null",
    );
  }
  if (typeof item === 'object') {
    throw new UnaddressableItem(
      Array.isArray(item)
        ? 'not supported: associative list with lists as elements'
        : "associative list without keys has an element that's a map type",
    );
  }
  return `v:${goJson(item)}`;
}

function keyElement(schema: ListSchema, item: unknown): PathElement {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    throw new UnaddressableItem(
      `associative list with keys may not have ${item === null ? 'a null element' : 'non-map elements'}`,
    );
  }
  const members = item as Readonly<Record<string, unknown>>;
  let text = '';
  for (const { name, prefix, default: fallback } of keyPlanOf(schema)) {
    const value = members[name] === undefined ? fallback : members[name];
    if (value === undefined) continue;
    text += (text ? ',' : '') + prefix + goJson(value);
  }
  if (!text) {
    const names = schema.mapKeys.map((name) => JSON.stringify(name)).join(' ');
    throw new UnaddressableItem(
      `associative list with keys has an element that omits all key fields [${names}] (and doesn't have default values for any key fields)`,
    );
  }
  return `k:{${text}}`;
}

function keyPlanOf(schema: ListSchema): readonly KeyPlan[] {
  let plan = keyPlans.get(schema);
  if (!plan) {
    const fields = schema.items.kind === 'struct' ? schema.items.fields : undefined;
    plan = schema.mapKeys.toSorted().map((name) => ({
      name,
      prefix: `${JSON.stringify(name)}:`,
      default: fields?.get(name)?.default,
    }));
    keyPlans.set(schema, plan);
  }
  return plan;
}

/** JSON as Go writes it into a path element. */
function goJson(value: unknown): string {
  const text = JSON.stringify(value);
  if (typeof value !== 'string' || !/[<>&\u2028\u2029]/.test(text)) return text;
  return text.replace(
    /[<>&\u2028\u2029]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const plainElement = /^(?:f:|k:\{"\w+":(?:"[\w.-]*"|\d+)\}$|v:"[\w./-]*"$)/;

/**
 * The one spelling of an element that came from outside; nothing for a kind of element that is not
 * known. Throws for one that is malformed.
 */
export function canonicalElement(element: string): PathElement | undefined {
  if (plainElement.test(element)) return element;
  if (element.length < 2) throw new Error('key must be 2 characters long:');
  if (element[1] !== ':') throw new Error(`missing colon: ${element}`);
  const content = element.slice(2);
  const kind = element[0];
  if (kind === 'v') return `v:${goJson(JSON.parse(content))}`;
  if (kind === 'k') {
    const members = JSON.parse(content) as Readonly<Record<string, unknown>>;
    const names = Object.keys(members).sort();
    return `k:{${names.map((name) => `${JSON.stringify(name)}:${goJson(members[name])}`).join(',')}}`;
  }
  if (kind !== 'i') return undefined;
  if (!/^[+-]?\d+$/.test(content)) throw new Error(`invalid index ${JSON.stringify(content)}`);
  return `i:${Number(content)}`;
}

/** Such as `.spec`, `[name="web"]`, `[="finalizer"]`, `[0]`. */
export function describeElement(element: PathElement): string {
  const content = element.slice(2);
  const kind = element[0];
  if (kind === 'f') return `.${content}`;
  if (kind === 'v') return `[=${describeValue(JSON.parse(content))}]`;
  if (kind !== 'k') return `[${content}]`;
  const members = Object.entries(JSON.parse(content) as Readonly<Record<string, unknown>>);
  return `[${members.map(([name, value]) => `${name}=${describeValue(value)}`).join(',')}]`;
}

function describeValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(describeValue).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return Object.entries(value)
    .map(([name, member]) => `${name}=${describeValue(member)}`)
    .join('');
}

const ranks: Readonly<Record<string, number>> = { '.': 0, f: 1, k: 2, v: 3, i: 4 };

/** Members first by name, then items by keys, by value, by index. */
export function compareElements(left: PathElement, right: PathElement): number {
  const rank = ranks[left[0]!]! - ranks[right[0]!]!;
  if (rank !== 0) return rank;
  if (left === right) return 0;
  if (left[0] === 'f') return left < right ? -1 : 1;
  return compareJson(JSON.parse(left.slice(2)), JSON.parse(right.slice(2)));
}

function compareJson(left: unknown, right: unknown): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  if (typeof left === 'object' && typeof right === 'object' && left && right) {
    const others = Object.entries(right);
    for (const [index, [name, value]] of Object.entries(left).entries()) {
      const other = others[index];
      if (!other) return 1;
      const order = name === other[0] ? compareJson(value, other[1]) : name < other[0] ? -1 : 1;
      if (order !== 0) return order;
    }
    return Object.keys(left).length - others.length;
  }
  if (typeof left !== typeof right) return typeof left === 'number' ? -1 : 1;
  return left === right ? 0 : String(left) < String(right) ? -1 : 1;
}
