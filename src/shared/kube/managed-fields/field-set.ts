import { Recent } from '#shared/base/recent.ts';
import {
  canonicalElement,
  compareElements,
  describeElement,
  type PathElement,
} from '#shared/kube/managed-fields/path-element.ts';

/**
 * A set of fields, kept in the very form that FieldsV1 has on the wire: a tree of path elements. A
 * node that stands for a field of the set is `leaf`, or has the key `.` when fields below it are
 * in the set too. Sets never change; what two sets share they share by reference.
 *
 * The empty set is `undefined`, so that no function meets a tree without fields.
 */
export interface FieldSet {
  readonly [element: PathElement]: FieldSet;
}

type DraftSet = Record<PathElement, FieldSet>;

/** A field without further fields below it; the only empty node that there is. */
export const leaf: FieldSet = Object.freeze({});

const self = '.';

export function isMember(node: FieldSet): boolean {
  return node === leaf || node[self] !== undefined;
}

/** The node for a container that is in the set itself. */
export function withSelf(children: FieldSet | undefined): FieldSet {
  return children ? { [self]: leaf, ...children } : leaf;
}

export function setOf(...paths: readonly (readonly string[])[]): FieldSet | undefined {
  let set: FieldSet | undefined;
  for (const names of paths) {
    const path = names.reduceRight<FieldSet>((node, name) => ({ [`f:${name}`]: node }), leaf);
    set = union(set, path);
  }
  return set;
}

export function union(
  left: FieldSet | undefined,
  right: FieldSet | undefined,
): FieldSet | undefined {
  if (!left || left === right) return right;
  return right ? unionOfNodes(left, right) : left;
}

function unionOfNodes(left: FieldSet, right: FieldSet): FieldSet {
  if (left === right) return left;
  if (left === leaf) return right[self] ? right : { [self]: leaf, ...right };
  if (right === leaf) return left[self] ? left : { [self]: leaf, ...left };
  let result: DraftSet | undefined;
  for (const element in right) {
    const own = left[element];
    const other = right[element]!;
    const joined = own ? unionOfNodes(own, other) : other;
    if (joined !== own) (result ??= { ...left })[element] = joined;
  }
  return result ?? left;
}

export function intersection(
  left: FieldSet | undefined,
  right: FieldSet | undefined,
): FieldSet | undefined {
  if (!left || !right || left === right) return left && right;
  const isBoth = isMember(left) && isMember(right);
  let result: DraftSet | undefined;
  for (const element in left) {
    const other = right[element];
    if (other === undefined || element === self) continue;
    const shared = intersection(left[element], other);
    if (shared) (result ??= isBoth ? { [self]: leaf } : {})[element] = shared;
  }
  return result ?? (isBoth ? leaf : undefined);
}

/** Fields of `left` that are not fields of `right`; what lies below a removed field stays. */
export function difference(
  left: FieldSet | undefined,
  right: FieldSet | undefined,
): FieldSet | undefined {
  if (!left || !right) return left;
  if (left === leaf) return isMember(right) ? undefined : left;
  if (right === leaf) return left[self] ? without(left, self) : left;
  let result: DraftSet | undefined;
  for (const element in left) {
    const other = element === self && isMember(right) ? leaf : right[element];
    if (other === undefined) continue;
    const own = left[element]!;
    const kept = element === self ? undefined : difference(own, other);
    if (kept === own) continue;
    result ??= { ...left };
    if (kept) result[element] = kept;
    else delete result[element];
  }
  return result ? tidy(result) : left;
}

/** Fields of `left` that are neither fields of `right` nor below one. */
export function recursiveDifference(
  left: FieldSet | undefined,
  right: FieldSet | undefined,
): FieldSet | undefined {
  if (!left || !right) return left;
  let result: DraftSet | undefined;
  for (const element in left) {
    const other = right[element];
    if (other === undefined || element === self) continue;
    const own = left[element]!;
    const kept = isMember(other) ? undefined : recursiveDifference(own, other);
    if (kept === own) continue;
    result ??= { ...left };
    if (kept) result[element] = kept;
    else delete result[element];
  }
  return result ? tidy(result) : left;
}

function without(set: FieldSet, element: PathElement): FieldSet | undefined {
  const { [element]: _, ...rest } = set;
  return tidy(rest);
}

/** The one node for what is left: nothing at all, only itself, or as it is. */
function tidy(set: FieldSet): FieldSet | undefined {
  for (const element in set) if (element !== self) return set;
  return set[self] && leaf;
}

/** Paths by their beginnings; `*` stands for any element. */
export interface FieldPattern {
  readonly [element: PathElement]: FieldPattern | true;
}

/** The fields on the way to what the pattern names, and all that is below it. */
export function matching(set: FieldSet | undefined, pattern: FieldPattern): FieldSet | undefined {
  let result: DraftSet | undefined;
  for (const element in set) {
    const wanted = pattern[element] ?? pattern['*'];
    if (!wanted || element === self) continue;
    const node = set[element]!;
    const below = wanted === true || node === leaf ? node : matching(node, wanted);
    const kept = isMember(node) && below !== node ? withSelf(below) : below;
    if (kept) (result ??= {})[element] = kept;
  }
  return result;
}

export function isSameSet(left: FieldSet | undefined, right: FieldSet | undefined): boolean {
  if (left === right) return true;
  if (!left || !right || isMember(left) !== isMember(right)) return false;
  let count = 0;
  for (const element in left) {
    if (element === self) continue;
    if (!isSameSet(left[element], right[element])) return false;
    count++;
  }
  for (const element in right) if (element !== self) count--;
  return count === 0;
}

/** Every field's path, such as `.spec.containers[name="web"].image`: at each level fields before what is below. */
export function pathsOf(set: FieldSet | undefined, prefix = ''): string[] {
  if (!set) return [];
  const elements = Object.keys(set)
    .filter((element) => element !== self)
    .sort(compareElements);
  const paths = elements
    .filter((element) => isMember(set[element]!))
    .map((element) => prefix + describeElement(element));
  for (const element of elements) {
    const node = set[element]!;
    if (node !== leaf) paths.push(...pathsOf(node, prefix + describeElement(element)));
  }
  return paths;
}

/** Every set that holds to the rules above, in order, and is the one of its kind; by a number of its own. */
const sealed = new WeakMap<FieldSet, number>([[leaf, 0]]);
const shared = new Recent<string, FieldSet>(4096);
const canonical = new WeakMap<object, { readonly set: FieldSet | undefined }>();
let lastSealed = 0;

/**
 * The same set with its elements in upstream's order, ready for the wire. What was sealed lately
 * comes back by reference, whole or in parts: thousands of objects differ in very few fields.
 */
export function seal(set: FieldSet): FieldSet {
  if (sealed.has(set)) return set;
  const nodes: DraftSet = {};
  for (const element in set) nodes[element] = seal(set[element]!);
  const content = contentOf(nodes);
  const known = shared.get(content);
  if (known) return known;
  const ordered = inOrder(nodes);
  const result = (ordered !== nodes && shared.get(contentOf(ordered))) || ordered;
  if (!sealed.has(result)) sealed.set(result, ++lastSealed);
  shared.set(content, result);
  shared.set(contentOf(result), result);
  return result;
}

/** Equal for equal sets in the same order, whose nodes are sealed. */
function contentOf(nodes: FieldSet): string {
  let content = '';
  for (const element in nodes)
    content += `${element.length}:${element}${sealed.get(nodes[element]!)};`;
  return content;
}

function inOrder(nodes: FieldSet): FieldSet {
  const elements = Object.keys(nodes);
  const ordered = elements.toSorted(compareElements);
  if (elements.every((element, at) => element === ordered[at])) return nodes;
  return Object.fromEntries(ordered.map((element) => [element, nodes[element]!]));
}

/** The set that FieldsV1 from outside stands for; throws when it is malformed. */
export function parseFields(fields: unknown): FieldSet | undefined {
  if (typeof fields !== 'object' || fields === null) return undefined;
  if (sealed.has(fields as FieldSet)) return fields as FieldSet;
  const known = canonical.get(fields);
  if (known) return known.set;
  const set = parseChildren(fields as Readonly<Record<string, unknown>>);
  const result = set && seal(set);
  canonical.set(fields, { set: result });
  return result;
}

function parseChildren(fields: Readonly<Record<string, unknown>>): FieldSet | undefined {
  let set: DraftSet | undefined;
  for (const key of Object.keys(fields)) {
    const element = key === self ? undefined : canonicalElement(key);
    if (element === undefined) continue;
    const node = parseNode(fields[key]);
    const known: FieldSet | undefined = set?.[element];
    (set ??= {})[element] = known ? unionOfNodes(known, node) : node;
  }
  return set;
}

function parseNode(fields: unknown): FieldSet {
  if (fields === null) return leaf;
  if (typeof fields !== 'object' || Array.isArray(fields)) {
    throw new Error('managed fields must be objects within objects');
  }
  const children = parseChildren(fields as Readonly<Record<string, unknown>>);
  if (!children) return leaf;
  return Object.hasOwn(fields, self) ? { [self]: leaf, ...children } : children;
}
