import type { KeyValue } from './store.ts';

const maxEntries = 64;
const fewEntries = 16;

/** A leaf holds key-values in key order; a branch holds nodes and the least key below each. */
class Node {
  kvs: KeyValue[];
  children: Node[] | undefined;
  /** `lows[i]` bounds `children[i]` from below; `lows[0]` is never looked at. */
  lows: string[];
  size: number;

  constructor(kvs: KeyValue[], children?: Node[], lows: string[] = []) {
    this.kvs = kvs;
    this.children = children;
    this.lows = lows;
    this.size = children ? children.reduce((sum, child) => sum + child.size, 0) : kvs.length;
  }
}

/**
 * The live keys in order: a B+ tree that knows how many keys each branch holds, so that a count of
 * any range costs no more than two look-ups. `to` is exclusive; without it a range has no end.
 */
export class KeyIndex {
  #root = new Node([]);

  get size(): number {
    return this.#root.size;
  }

  get(key: string): KeyValue | undefined {
    let node = this.#root;
    while (node.children) node = node.children[childAt(node.lows, key)]!;
    const kv = node.kvs[lowerBound(node.kvs, key)];
    return kv !== undefined && kv.key === key ? kv : undefined;
  }

  set(kv: KeyValue): void {
    const { grown, sibling } = insert(this.#root, kv);
    if (!grown || !sibling) return;
    this.#root = new Node([], [this.#root, sibling], ['', lowOf(sibling)]);
  }

  delete(key: string): void {
    if (!remove(this.#root, key)) return;
    while (this.#root.children?.length === 1) this.#root = this.#root.children[0]!;
    if (this.#root.children?.length === 0) this.#root = new Node([]);
  }

  count(from: string, to?: string): number {
    const end = to === undefined ? this.#root.size : this.#rank(to);
    return Math.max(0, end - this.#rank(from));
  }

  /** At most `limit` key-values of the range, in key order. */
  collect(from: string, to?: string, limit = Infinity): KeyValue[] {
    const found: KeyValue[] = [];
    if (limit > 0) gather(this.#root, { from, to, limit, found });
    return found;
  }

  #rank(key: string): number {
    let node = this.#root;
    let before = 0;
    while (node.children) {
      const index = childAt(node.lows, key);
      for (let i = 0; i < index; i++) before += node.children[i]!.size;
      node = node.children[index]!;
    }
    return before + lowerBound(node.kvs, key);
  }
}

interface Search {
  readonly from: string;
  readonly to: string | undefined;
  readonly limit: number;
  readonly found: KeyValue[];
}

/** Returns whether there may be more to the right. */
function gather(node: Node, search: Search): boolean {
  const { from, to, limit, found } = search;
  if (!node.children) {
    const { kvs } = node;
    for (let i = lowerBound(kvs, from); i < kvs.length; i++) {
      const kv = kvs[i]!;
      if (to !== undefined && kv.key >= to) return false;
      found.push(kv);
      if (found.length >= limit) return false;
    }
    return true;
  }
  for (let i = childAt(node.lows, from); i < node.children.length; i++) {
    if (!gather(node.children[i]!, search)) return false;
  }
  return true;
}

function insert(node: Node, kv: KeyValue): { readonly grown: boolean; readonly sibling?: Node } {
  if (!node.children) {
    const index = lowerBound(node.kvs, kv.key);
    if (node.kvs[index]?.key === kv.key) {
      node.kvs[index] = kv;
      return kept;
    }
    node.kvs.splice(index, 0, kv);
    node.size++;
    return node.kvs.length > maxEntries ? { grown: true, sibling: split(node) } : grown;
  }
  const index = childAt(node.lows, kv.key);
  const below = insert(node.children[index]!, kv);
  if (!below.grown) return kept;
  node.size++;
  if (!below.sibling) return grown;
  node.children.splice(index + 1, 0, below.sibling);
  node.lows.splice(index + 1, 0, lowOf(below.sibling));
  return node.children.length > maxEntries ? { grown: true, sibling: split(node) } : grown;
}

const kept = { grown: false } as const;
const grown = { grown: true } as const;

/** Moves the upper part of a full node to a new right neighbour; keys mostly arrive in order. */
function split(node: Node): Node {
  const at = Math.floor(maxEntries * 0.7);
  const sibling = node.children
    ? new Node([], node.children.splice(at), node.lows.splice(at))
    : new Node(node.kvs.splice(at));
  node.size -= sibling.size;
  return sibling;
}

function remove(node: Node, key: string): boolean {
  if (!node.children) {
    const index = lowerBound(node.kvs, key);
    if (node.kvs[index]?.key !== key) return false;
    node.kvs.splice(index, 1);
    node.size--;
    return true;
  }
  const index = childAt(node.lows, key);
  if (!remove(node.children[index]!, key)) return false;
  node.size--;
  shrink(node, index);
  return true;
}

/** Drops an empty child, or joins a sparse one with its right neighbour. */
function shrink(parent: Node, index: number): void {
  const children = parent.children!;
  const child = children[index]!;
  if (child.size === 0) {
    children.splice(index, 1);
    parent.lows.splice(index, 1);
    return;
  }
  const right = children[index + 1];
  if (!right || width(child) > fewEntries || width(child) + width(right) > maxEntries / 2) return;
  if (child.children) {
    right.lows[0] = parent.lows[index + 1]!;
    child.children.push(...right.children!);
    child.lows.push(...right.lows);
  } else child.kvs.push(...right.kvs);
  child.size += right.size;
  children.splice(index + 1, 1);
  parent.lows.splice(index + 1, 1);
}

function width(node: Node): number {
  return node.children ? node.children.length : node.kvs.length;
}

function lowOf(node: Node): string {
  return node.children ? node.lows[0]! : node.kvs[0]!.key;
}

/** The last child whose least key is not above `key`. */
function childAt(lows: readonly string[], key: string): number {
  let low = 1;
  let high = lows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (lows[middle]! <= key) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Where `key` is, or would be. */
function lowerBound(kvs: readonly KeyValue[], key: string): number {
  let low = 0;
  let high = kvs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (kvs[middle]!.key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
