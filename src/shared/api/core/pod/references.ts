import type { ObjectFieldSelector, ResourceFieldSelector } from '#shared/api/types/core-v1.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach } from '#shared/kube/checks.ts';
import { invalidValue, notSupported, required } from '#shared/kube/field-error.ts';
import { qualifiedName } from '#shared/kube/names.ts';
import { canonicalQuantity, quantityMilliValue } from '#shared/kube/quantity.ts';

/** What environment variables and downward volumes may read of their own pod. */
const knownFields = new Set([
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.restartPolicy',
  'spec.serviceAccountName',
  'spec.schedulerName',
  'status.phase',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
]);
const resources = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];
const byteDivisors = '1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei';
const isByteDivisor = /^1([kMGTPE]|[KMGTPE]i)?$/;

export function* validateFieldReference(
  { apiVersion = '', fieldPath }: ObjectFieldSelector,
  field: string,
  supported: readonly string[],
): Iterable<FieldError> {
  if (!apiVersion) {
    yield required(`${field}.apiVersion`);
    return;
  }
  if (!fieldPath) {
    yield required(`${field}.fieldPath`);
    return;
  }
  const { path, subscript } = splitSubscript(fieldPath);
  const problem = conversionProblem(apiVersion, fieldPath, path, subscript);
  if (problem) {
    yield invalidValue(`${field}.fieldPath`, fieldPath, `error converting fieldPath: ${problem}`);
    return;
  }
  if (subscript !== undefined) {
    const key = path === 'metadata.annotations' ? subscript.toLowerCase() : subscript;
    yield* invalidEach(field, key, qualifiedName(key));
    return;
  }
  const internal = path === 'spec.host' ? 'spec.nodeName' : path;
  if (!supported.includes(internal)) {
    yield notSupported(`${field}.fieldPath`, internal, supported);
  }
}

function conversionProblem(
  apiVersion: string,
  fieldPath: string,
  path: string,
  subscript: string | undefined,
): string | undefined {
  if (apiVersion !== 'v1') return `unsupported pod version: ${apiVersion}`;
  if (subscript !== undefined) {
    const isMap = path === 'metadata.annotations' || path === 'metadata.labels';
    return isMap ? undefined : `field label does not support subscript: ${fieldPath}`;
  }
  return knownFields.has(path) || path === 'spec.host'
    ? undefined
    : `field label not supported: ${fieldPath}`;
}

/** `metadata.labels['key']` is a path and a key. */
function splitSubscript(fieldPath: string): { path: string; subscript?: string } {
  if (!fieldPath.endsWith("']")) return { path: fieldPath };
  const start = fieldPath.indexOf("['");
  if (start <= 0) return { path: fieldPath };
  return { path: fieldPath.slice(0, start), subscript: fieldPath.slice(start + 2, -2) };
}

export function* validateResourceReference(
  { containerName, resource, divisor }: ResourceFieldSelector,
  field: string,
  user: 'env' | 'volume',
): Iterable<FieldError> {
  const isHugePages = /^(requests|limits)\.hugepages-/.test(resource);
  if (user === 'volume' && !containerName) yield required(`${field}.containerName`);
  else if (!resource) yield required(`${field}.resource`);
  else if (!resources.includes(resource) && !isHugePages) {
    yield notSupported(`${field}.resource`, resource, resources);
  }
  if (!divisor || quantityMilliValue(divisor) === 0) return;
  const problem = divisorProblem(resource, canonicalQuantity(divisor), isHugePages);
  if (problem) yield invalidValue(`${field}.divisor`, resource, problem);
}

function divisorProblem(
  resource: string,
  divisor: string,
  isHugePages: boolean,
): string | undefined {
  const name = resource.slice(resource.indexOf('.') + 1);
  if (!resources.includes(resource) && !isHugePages) return undefined;
  if (name === 'cpu') {
    if (divisor === '1' || divisor === '1m') return undefined;
    return "only divisor's values 1m and 1 are supported with the cpu resource";
  }
  if (isByteDivisor.test(divisor)) return undefined;
  const words: Readonly<Record<string, string>> = {
    memory: 'memory',
    'ephemeral-storage': 'local ephemeral storage',
  };
  return `only divisor's values ${byteDivisors} are supported with the ${words[name] ?? 'hugepages'} resource`;
}
