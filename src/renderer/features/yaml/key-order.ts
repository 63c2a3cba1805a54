import { isMapValue, type Value } from './field-path.ts';

/** The same value, its members in the order in which `model` has them: what is equal reads equal. */
export function inOrderOf<T extends Value>(value: T, model: Value): T {
  if (Array.isArray(value) && Array.isArray(model)) {
    const models = model as readonly Value[];
    return value.map((item: Value, index) => inOrderOf(item, models[index])) as T;
  }
  if (!isMapValue(value) || !isMapValue(model)) return value;
  const names = new Set([...Object.keys(model), ...Object.keys(value)]);
  const entries = [...names]
    .filter((name) => Object.hasOwn(value, name))
    .map((name) => [name, inOrderOf(value[name], model[name])] as const);
  return Object.fromEntries(entries) as T;
}
