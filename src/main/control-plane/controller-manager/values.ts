/** Small rules about values that several controllers share. */

/** Equality of JSON values; a member that is `undefined` counts as absent. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, at) => isEqual(item, b[at]));
  }
  const left = a as Readonly<Record<string, unknown>>;
  const right = b as Readonly<Record<string, unknown>>;
  for (const key in left) if (!isEqual(left[key], right[key])) return false;
  for (const key in right) if (left[key] === undefined && right[key] !== undefined) return false;
  return true;
}

type Compact<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without what Go's `omitempty` leaves out: absent, zero, empty. */
export function compact<T extends object>(values: T): Compact<T> {
  const kept: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined || value === 0 || value === '' || value === false) continue;
    if (Array.isArray(value) && value.length === 0) continue;
    kept[key] = value;
  }
  return kept as Compact<T>;
}

/** An absolute number, or a share of `total`: intstr.GetScaledValueFromIntOrPercent. */
export function scaledValue(
  value: number | string | undefined,
  total: number,
  round: 'up' | 'down',
): number {
  if (value === undefined) return 0;
  if (typeof value === 'number') return value;
  const percent = /^(-?\d+)%$/.exec(value)?.[1];
  if (percent === undefined)
    throw new Error(`invalid value for IntOrString: invalid type: string is not a percentage`);
  const share = (Number(percent) * total) / 100;
  return round === 'up' ? Math.ceil(share) : Math.floor(share);
}

/** Milliseconds since 1970 of a wire time; 0 for none. */
export function timeOf(text: string | undefined | null): number {
  return text ? Date.parse(text) : 0;
}

/** Older first, then by name: upstream's …ByCreationTimestamp. */
export function byCreation(
  a: { readonly metadata: { readonly creationTimestamp: string; readonly name: string } },
  b: { readonly metadata: { readonly creationTimestamp: string; readonly name: string } },
): number {
  return (
    timeOf(a.metadata.creationTimestamp) - timeOf(b.metadata.creationTimestamp) ||
    (a.metadata.name < b.metadata.name ? -1 : Number(a.metadata.name > b.metadata.name))
  );
}

/** A decimal integer, or `undefined` for anything else. */
export function integerOf(text: string | undefined): number | undefined {
  return text !== undefined && /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
}

/** The same without the loss of what a number cannot hold; `undefined` beyond 64 bits, too. */
export function longOf(text: string | undefined): bigint | undefined {
  if (integerOf(text) === undefined) return undefined;
  const value = BigInt(text!.replace(/^\+/, ''));
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

/** The sentence of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whatever was thrown, as an error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
