/** JSON objects as patches see them. Keys come from clients, so inherited members must not count. */
export type JsonObject = Readonly<Record<string, unknown>>;
export type JsonDraft = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

export function has(object: JsonObject, key: string): boolean {
  return Object.hasOwn(object, key);
}

export function memberOf(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

export function setMember(draft: JsonDraft, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(draft, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  } else draft[key] = value;
}

/** Equality of JSON values; members that are null and members that are absent differ. */
export function isSameJson(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (isArray(left)) {
    return (
      isArray(right) &&
      left.length === right.length &&
      left.every((item, index) => isSameJson(item, right[index]))
    );
  }
  if (!isObject(left) || !isObject(right)) return false;
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => has(right, key) && isSameJson(left[key], right[key]))
  );
}

/** A value as Go's `%s` prints it, which was meant for strings. */
export function goString(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return '%!s(<nil>)';
  if (typeof value === 'object') return goFormat(value);
  const type = typeof value === 'number' ? (Number.isInteger(value) ? 'int64' : 'float64') : 'bool';
  return `%!s(${type}=${goFormat(value)})`;
}

/** A value as Go's `%v` prints it, which upstream's messages about patches contain. */
export function goFormat(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (isArray(value)) return `[${value.map(goFormat).join(' ')}]`;
  if (isObject(value)) {
    const members = Object.keys(value)
      .sort()
      .map((key) => `${key}:${goFormat(value[key])}`);
    return `map[${members.join(' ')}]`;
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}
