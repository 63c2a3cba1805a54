import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach, nonNegativeQuantity } from '#shared/kube/checks.ts';
import { invalidValue } from '#shared/kube/field-error.ts';
import { qualifiedName } from '#shared/kube/names.ts';
import { mustParse, parseQuantity } from '#shared/kube/quantity.ts';

/** What names of resources mean: `cpu`, `hugepages-2Mi`, `example.com/gpu`, `requests.storage`, … */

const containerResources = new Set(['cpu', 'memory', 'ephemeral-storage']);
const countedObjects = [
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
];
const computeQuotas = [
  'cpu',
  'memory',
  'ephemeral-storage',
  'requests.cpu',
  'requests.memory',
  'requests.ephemeral-storage',
  'requests.storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
];
const quotaResources = new Set([...computeQuotas, ...countedObjects]);
const standardResources = new Set([...quotaResources, 'storage']);
const integerResources = new Set(countedObjects);
const giga = 1_000_000_000n;

export function isHugePages(name: string): boolean {
  return name.startsWith('hugepages-');
}

function isQuotaHugePages(name: string): boolean {
  return isHugePages(name) || name.startsWith('requests.hugepages-');
}

/** Kubernetes' own: without a domain, or in its own domain. */
export function isNativeResource(name: string): boolean {
  return !name.includes('/') || name.includes('kubernetes.io/');
}

export function isExtendedResource(name: string): boolean {
  if (isNativeResource(name) || name.startsWith('requests.')) return false;
  return qualifiedName(`requests.${name}`).length === 0;
}

/** Requests below the limit are possible. */
export function isOvercommittable(name: string): boolean {
  return isNativeResource(name) && !isHugePages(name);
}

export function isQuotaResource(name: string): boolean {
  return quotaResources.has(name) || isQuotaHugePages(name);
}

export function* validateResourceName(name: string, field: string): Iterable<FieldError> {
  const problems = qualifiedName(name);
  yield* invalidEach(field, name, problems);
  if (problems.length > 0 || name.includes('/')) return;
  if (!standardResources.has(name) && !isQuotaHugePages(name)) {
    yield invalidValue(field, name, 'must be a standard resource type or fully qualified');
  }
}

export function* validateContainerResourceName(name: string, field: string): Iterable<FieldError> {
  if (containerResources.has(name)) return;
  yield* validateResourceName(name, field);
  if (!name.includes('/')) {
    if (!isHugePages(name)) {
      yield invalidValue(field, name, 'must be a standard resource for containers');
    }
  } else if (!isNativeResource(name) && !isExtendedResource(name)) {
    yield invalidValue(field, name, "doesn't follow extended resource name standard");
  }
}

export function* validateQuotaResourceName(name: string, field: string): Iterable<FieldError> {
  yield* validateResourceName(name, field);
  if (!name.includes('/') && !isQuotaResource(name)) {
    yield invalidValue(field, name, 'must be a standard resource for quota');
  }
}

/** Not negative, and whole where the resource is counted. */
export function* validateResourceAmount(
  name: string,
  amount: string,
  field: string,
): Iterable<FieldError> {
  yield* nonNegativeQuantity(amount, field);
  if (containerResources.has(name)) return;
  if (!integerResources.has(name) && !isExtendedResource(name)) return;
  // Parts below a thousandth are rounded up before the comparison.
  if (milliOf(amount) % 1000n !== 0n) yield invalidValue(field, amount, 'must be an integer');
}

export function isDivisibleIntoPages(name: string, amount: string): boolean {
  const size = parseQuantity(name.slice('hugepages-'.length));
  if (!size || size.nanos <= 0n || size.nanos % giga !== 0n) return false;
  return unitsOf(amount) % (size.nanos / giga) === 0n;
}

function milliOf(amount: string): bigint {
  return roundedUp(mustParse(amount).nanos, 1_000_000n);
}

function unitsOf(amount: string): bigint {
  return roundedUp(mustParse(amount).nanos, giga);
}

function roundedUp(nanos: bigint, unit: bigint): bigint {
  const quotient = nanos / unit;
  if (nanos % unit === 0n) return quotient;
  return nanos > 0n ? quotient + 1n : quotient - 1n;
}
