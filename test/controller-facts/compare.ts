import type { Json } from './view.ts';

type Obj = { readonly [key: string]: Json };

/** Members that the facts leave out in some places: present without being expected is no difference. */
const optional: ReadonlySet<string> = new Set([
  'generation',
  'observedGeneration',
  'dnsPolicy',
  'restartPolicy',
  'schedulerName',
  'securityContext',
  'terminationGracePeriodSeconds',
  'terminationMessagePath',
  'terminationMessagePolicy',
  'imagePullPolicy',
  'enableServiceLinks',
  'preemptionPolicy',
  'priority',
  'serviceAccount',
  'serviceAccountName',
  'tolerations',
  'volumes',
  'volumeMounts',
  'qosClass',
  'hostIP',
  'hostIPs',
  'podIP',
  'podIPs',
  'startTime',
  'containerStatuses',
  'nodeName',
  'conditions',
  'data',
  'resources',
  'sim',
  'env',
  'hostname',
  'annotations',
  'labels',
  'spec',
  'podCIDRs',
  'daemonEndpoints',
  'nodeInfo',
  'podCIDRs',
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'kubernetes.io/arch',
]);

/** The first difference by path, or nothing. */
export function difference(
  expected: Json,
  actual: Json | undefined,
  path = '',
): string | undefined {
  if (Array.isArray(expected)) return listDifference(expand(expected), actual, path);
  if (typeof expected !== 'object' || expected === null)
    return expected === actual ? undefined : `${path}: ${show(expected)} ≠ ${show(actual)}`;
  if (typeof actual !== 'object' || actual === null || Array.isArray(actual))
    return `${path}: ${show(expected)} ≠ ${show(actual)}`;
  const given = actual as Obj;
  for (const [key, value] of Object.entries(expected as Obj)) {
    const found = difference(value, given[key], `${path}/${key}`);
    if (found) return found;
  }
  for (const [key, value] of Object.entries(given)) {
    if (key in expected || value === undefined || isEmpty(value)) continue;
    if (optional.has(key) && !path.includes('/status/conditions')) continue;
    return `${path}/${key}: nothing ≠ ${show(value)}`;
  }
  return undefined;
}

const isEmpty = (value: Json): boolean =>
  value === false ||
  (typeof value === 'object' && value !== null && Object.keys(value).length === 0);

/** Lists of objects are compared without regard to their order. */
function listDifference(
  expected: readonly Json[],
  actual: Json | undefined,
  path: string,
): string | undefined {
  if (!Array.isArray(actual)) return `${path}: ${show(expected)} ≠ ${show(actual)}`;
  if (expected.length !== actual.length)
    return `${path}: ${expected.length} ≠ ${actual.length} of them: ${show(expected)} ≠ ${show(actual)}`;
  const left = [...(actual as readonly Json[])];
  for (const [at, item] of expected.entries()) {
    const match = left.findIndex((one) => difference(item, one) === undefined);
    if (match < 0) return difference(item, left[Math.min(at, left.length - 1)], `${path}/${at}`);
    left.splice(match, 1);
  }
  return undefined;
}

/** `{"$n":3,"of":…}` is three equal objects. */
function expand(list: readonly Json[]): readonly Json[] {
  return list.flatMap((item) => {
    if (typeof item !== 'object' || item === null || !('$n' in item)) return [item];
    const { $n, of } = item as { readonly $n: number; readonly of: Json };
    return Array.from({ length: $n }, () => of);
  });
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 300);
}
