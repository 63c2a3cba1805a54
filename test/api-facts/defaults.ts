import type { KubeObject } from '#shared/kube/object.ts';
import { readFacts, type Defaulted, type Json } from './facts.ts';
import { prepareNew, resourceAt } from './in-process.ts';

/** Objects as they were posted and what a real API server made of them. */
interface DefaultFacts {
  readonly objects: readonly Defaulted[];
}

export const defaulted = (readFacts('defaults.json.gz') as DefaultFacts).objects;

/** Members that only a whole server can fill in. */
const serverOwned = new Set([
  '/metadata/creationTimestamp',
  '/metadata/managedFields',
  '/metadata/resourceVersion',
  '/metadata/uid',
]);

export function stored({ kind, in: body }: Defaulted): KubeObject {
  const { namespace } = (body['metadata'] ?? {}) as { namespace?: string };
  const draft = prepareNew(resourceAt(kind), structuredClone(body), namespace ?? 'facts');
  return JSON.parse(JSON.stringify(draft)) as KubeObject;
}

/** Pointers to what is not as the server stored it; by the kinds' own functions unless given. */
export function differences(
  facts: Defaulted,
  actual: KubeObject | Json = stored(facts),
): readonly string[] {
  const found: string[] = [];
  compare(expectedOf(facts), actual, '', found);
  return found;
}

function expectedOf({ in: body, add = [], chg = [], del = [] }: Defaulted): Json {
  const expected = structuredClone(body);
  for (const [pointer, value] of add) put(expected, pointer, value);
  for (const [pointer, , value] of chg) put(expected, pointer, value);
  for (const [pointer] of del) put(expected, pointer, undefined);
  return expected;
}

function put(root: Json, pointer: string, value: unknown): void {
  const keys = pointer
    .slice(1)
    .split('/')
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = keys.pop()!;
  let parent: Json = root;
  for (const key of keys) {
    parent[key] ??= {};
    parent = parent[key] as Json;
  }
  if (value === undefined) delete parent[last];
  else parent[last] = structuredClone(value);
}

function compare(expected: unknown, actual: unknown, pointer: string, found: string[]): void {
  if (serverOwned.has(pointer)) return;
  if (typeof expected === 'string' && expected.includes('<') && actual !== undefined) return;
  if (isObject(expected) && isObject(actual)) {
    for (const key of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
      compare(expected[key], actual[key], `${pointer}/${key}`, found);
    }
    return;
  }
  if (Array.isArray(expected) && Array.isArray(actual) && expected.length === actual.length) {
    for (const [index, item] of expected.entries()) {
      compare(item, actual[index], `${pointer}/${index}`, found);
    }
    return;
  }
  if (JSON.stringify(expected) === JSON.stringify(actual)) return;
  found.push(`${pointer}: ${text(expected)}, not ${text(actual)}`);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return value === undefined ? 'absent' : JSON.stringify(value).slice(0, 120);
}
