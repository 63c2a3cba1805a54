import type { CelMap, CelValue } from '#shared/cel/values.ts';

/** A JSON value without a known type: whole numbers are integers. What it holds is converted when asked for. */
export function celValueOf(value: unknown): CelValue {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map(celValueOf);
  if (typeof value === 'object' && value !== null) {
    return new JsonMap(value as Readonly<Record<string, unknown>>);
  }
  return null;
}

class JsonMap implements CelMap {
  readonly isCelMap = true;
  readonly #object: Readonly<Record<string, unknown>>;
  readonly #converted = new Map<string, CelValue>();

  constructor(object: Readonly<Record<string, unknown>>) {
    this.#object = object;
  }

  get size(): number {
    return [...this.keys()].length;
  }

  get(key: CelValue): CelValue | undefined {
    if (typeof key !== 'string' || !Object.hasOwn(this.#object, key)) return undefined;
    const known = this.#converted.get(key);
    if (known !== undefined) return known;
    const value = this.#object[key];
    if (value === undefined) return undefined;
    const converted = celValueOf(value);
    this.#converted.set(key, converted);
    return converted;
  }

  *keys(): Iterable<string> {
    for (const [key, value] of Object.entries(this.#object)) if (value !== undefined) yield key;
  }
}
