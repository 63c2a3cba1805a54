import { defineStore } from 'pinia';
import { computed, shallowRef } from 'vue';
import { actionsFor } from './object-actions.ts';
import type { Kind } from './kinds.ts';

export interface Selection {
  readonly kind: Kind;
  /** `namespace/name`. */
  readonly keys: readonly string[];
}

/** What keys and the palette act on: the chosen rows of the list, the row under the cursor, or the panel's object. */
export const useSelection = defineStore('selection', () => {
  const current = shallowRef<Selection>();
  const actions = computed(() =>
    current.value ? actionsFor(current.value.kind, current.value.keys) : [],
  );

  function run(id: string): void {
    const action = actions.value.find((each) => each.id === id);
    if (action && current.value) action.run(current.value.kind, current.value.keys);
  }

  return { current, actions, run };
});
