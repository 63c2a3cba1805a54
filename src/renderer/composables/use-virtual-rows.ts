import { computed, shallowRef, watchEffect, type ComputedRef, type ShallowRef } from 'vue';

export interface VirtualRows<T> {
  readonly shown: ComputedRef<readonly ShownItem<T>[]>;
  readonly totalHeight: ComputedRef<number>;
  readonly offset: ComputedRef<number>;
  onScroll(): void;
  reveal(index: number): void;
}

interface ShownItem<T> {
  readonly item: T;
  readonly index: number;
}

function isSame<T>(a: readonly ShownItem<T>[], b: readonly ShownItem<T>[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ item, index }, at) => item === b[at]!.item && index === b[at]!.index)
  );
}

const overscan = 8;

/** Draws only the rows that can be seen; all are `rowHeight` pixels high. */
export function useVirtualRows<T>(
  viewport: Readonly<ShallowRef<HTMLElement | null>>,
  items: () => readonly T[],
  rowHeight: number,
): VirtualRows<T> {
  const scrollTop = shallowRef(0);
  const height = shallowRef(600);
  const first = computed(() => Math.max(0, Math.floor(scrollTop.value / rowHeight) - overscan));
  const count = computed(() => Math.ceil(height.value / rowHeight) + 2 * overscan);

  watchEffect((onCleanup) => {
    const element = viewport.value;
    if (!element) return;
    const observer = new ResizeObserver(() => (height.value = element.clientHeight));
    observer.observe(element);
    onCleanup(() => observer.disconnect());
  });

  return {
    shown: computed((before: readonly ShownItem<T>[] | undefined) => {
      const now = items()
        .slice(first.value, first.value + count.value)
        .map((item, index) => ({ item, index: first.value + index }));
      // What cannot be seen may change as it likes: nothing is drawn for it.
      return before && isSame(before, now) ? before : now;
    }),
    totalHeight: computed(() => items().length * rowHeight),
    offset: computed(() => first.value * rowHeight),
    onScroll: () => (scrollTop.value = viewport.value?.scrollTop ?? 0),
    reveal(index) {
      const element = viewport.value;
      if (!element) return;
      const top = index * rowHeight;
      if (top < element.scrollTop) element.scrollTop = top;
      const bottom = top + 2 * rowHeight;
      if (bottom > element.scrollTop + element.clientHeight) {
        element.scrollTop = bottom - element.clientHeight;
      }
    },
  };
}
