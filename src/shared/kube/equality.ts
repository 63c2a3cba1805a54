import { parseQuantity } from '#shared/kube/quantity.ts';

/** Members whose values are quantities: two texts of the same amount are equal. */
const quantityMaps = new Set([
  'allocatable',
  'allocated',
  'allocatedResources',
  'capacity',
  'default',
  'defaultRequest',
  'hard',
  'limits',
  'max',
  'maxLimitRequestRatio',
  'min',
  'overhead',
  'requests',
  'used',
]);
const quantities = new Set(['sizeLimit', 'divisor', 'averageValue', 'storage']);

/**
 * Equality as apimachinery's `Semantic.DeepEqual`: absent and empty lists and maps are equal, and so
 * are different texts of one quantity.
 */
export function semanticEqual(a: unknown, b: unknown, member = ''): boolean {
  if (a === b) return true;
  if (typeof a === 'string' && typeof b === 'string') {
    return quantities.has(member) && isSameAmount(a, b);
  }
  if (isEmpty(a) && isEmpty(b)) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => semanticEqual(item, b[index]));
  }
  if (!isObject(a) || !isObject(b) || Array.isArray(a) || Array.isArray(b)) return false;
  const isQuantityMap = quantityMaps.has(member);
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    if (!semanticEqual(a[key], b[key], isQuantityMap ? 'divisor' : key)) return false;
  }
  return true;
}

function isSameAmount(a: string, b: string): boolean {
  return parseQuantity(a)?.nanos === parseQuantity(b)?.nanos;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

// An empty struct behind a pointer differs from an absent one; only lists and the maps that are
// known to be maps may be absent. Struct and map look alike here, so `{}` counts as present.
function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}
