/** What a heap keeps: each item knows its place, so that it can be moved and taken out. */
export interface HeapItem {
  heapIndex: number;
}

/** A binary heap whose first item is before all others. An item is in one heap at a time. */
export class Heap<T extends HeapItem> {
  readonly #items: T[] = [];
  readonly #isBefore: (a: T, b: T) => boolean;

  constructor(isBefore: (a: T, b: T) => boolean) {
    this.#isBefore = isBefore;
  }

  get size(): number {
    return this.#items.length;
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  values(): Iterable<T> {
    return this.#items;
  }

  push(item: T): void {
    item.heapIndex = this.#items.push(item) - 1;
    this.#up(item);
  }

  pop(): T | undefined {
    const [first] = this.#items;
    if (first) this.delete(first);
    return first;
  }

  delete(item: T): void {
    const index = item.heapIndex;
    const last = this.#items.pop();
    item.heapIndex = -1;
    if (!last || last === item) return;
    this.#place(last, index);
    this.update(last);
  }

  /** Call after what decides the item's place has changed. */
  update(item: T): void {
    this.#up(item);
    this.#down(item);
  }

  #up(item: T): void {
    let index = item.heapIndex;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#items[parentIndex]!;
      if (!this.#isBefore(item, parent)) break;
      this.#place(parent, index);
      index = parentIndex;
    }
    this.#place(item, index);
  }

  #down(item: T): void {
    let index = item.heapIndex;
    for (;;) {
      let childIndex = 2 * index + 1;
      let child = this.#items[childIndex];
      if (!child) break;
      const right = this.#items[childIndex + 1];
      if (right && this.#isBefore(right, child)) {
        child = right;
        childIndex++;
      }
      if (!this.#isBefore(child, item)) break;
      this.#place(child, index);
      index = childIndex;
    }
    this.#place(item, index);
  }

  #place(item: T, index: number): void {
    this.#items[index] = item;
    item.heapIndex = index;
  }
}
