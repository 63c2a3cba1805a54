import { computed, shallowRef, watchEffect, type ComputedRef, type ShallowRef } from 'vue';

export interface VirtualRows<T> {
  readonly shown: ComputedRef<readonly { readonly item: T; readonly index: number }[]>;
  readonly totalHeight: ComputedRef<number>;
  readonly offset: ComputedRef<number>;
  onScroll(): void;
  reveal(index: number): void;
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
    shown: computed(() =>
      items()
        .slice(first.value, first.value + count.value)
        .map((item, index) => ({ item, index: first.value + index })),
    ),
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
