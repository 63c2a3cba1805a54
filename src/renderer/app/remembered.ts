import { shallowRef, watch, type ShallowRef } from 'vue';
import { useSession } from './session.ts';

/**
 * A value that outlives the window, each cluster with its own. It is `initial` until the cluster is
 * known and where nothing (or nothing that `isValid`) has been stored.
 */
export function useRemembered<T>(
  name: string,
  initial: T,
  isValid: (value: unknown) => value is T,
): ShallowRef<T> {
  const session = useSession();
  const value = shallowRef(initial) as ShallowRef<T>;
  let storedAs = '';
  watch(
    () => session.health?.cluster,
    (cluster) => {
      if (cluster === undefined) return;
      storedAs = `${cluster} ${name}`;
      value.value = stored(storedAs, isValid) ?? value.value;
    },
    { immediate: true },
  );
  watch(value, (next) => {
    if (storedAs !== '') localStorage.setItem(storedAs, JSON.stringify(next));
  });
  return value;
}

/** What is stored may be from another version, or no JSON: then there is nothing. */
function stored<T>(key: string, isValid: (value: unknown) => value is T): T | undefined {
  try {
    const value = JSON.parse(localStorage.getItem(key) ?? 'null') as unknown;
    return isValid(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
