import { defineStore } from 'pinia';
import { shallowRef } from 'vue';
import type { Kind } from '../../app/kinds.ts';

export interface Deletion {
  readonly kind: Kind;
  /** `namespace/name`. */
  readonly keys: readonly string[];
}

/** What people have been asked whether to delete it. */
export const useDeletion = defineStore('deletion', () => {
  const asked = shallowRef<Deletion>();
  return {
    asked,
    ask: (kind: Kind, keys: readonly string[]) => (asked.value = { kind, keys }),
    settle: () => (asked.value = undefined),
  };
});
