import { computed, shallowRef, watch, type ComputedRef } from 'vue';
import { kindId, type Kind } from '../../app/kinds.ts';
import type { TableColumn } from '#shared/contract/following.ts';

export interface ColumnChoice {
  readonly columns: ComputedRef<readonly TableColumn[]>;
  isShown(column: TableColumn): boolean;
  toggleColumn(column: TableColumn): void;
}

/** The columns of a kind that people want to see: kubectl's narrow ones until they choose; remembered. */
export function useColumns(kind: () => Kind, all: () => readonly TableColumn[]): ColumnChoice {
  const storageKey = (): string => `columns ${kindId(kind())}`;
  const chosen = shallowRef<Readonly<Record<string, boolean>>>({});
  watch(storageKey, (key) => (chosen.value = remembered(localStorage.getItem(key))), {
    immediate: true,
  });
  const isShown = ({ name, priority }: TableColumn): boolean =>
    chosen.value[name] ?? priority === 0;
  return {
    columns: computed(() => all().filter(isShown)),
    isShown,
    toggleColumn(column) {
      chosen.value = { ...chosen.value, [column.name]: !isShown(column) };
      localStorage.setItem(storageKey(), JSON.stringify(chosen.value));
    },
  };
}

/** What is stored may be from another version, or no JSON: then nothing has been chosen. */
export function remembered(text: string | null): Readonly<Record<string, boolean>> {
  try {
    const value = JSON.parse(text ?? '{}') as unknown;
    if (typeof value !== 'object' || value === null) return {};
    return Object.fromEntries(
      Object.entries(value).filter(
        (pair): pair is [string, boolean] => typeof pair[1] === 'boolean',
      ),
    );
  } catch {
    return {};
  }
}
