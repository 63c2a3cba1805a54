import type { Entry } from '#main/control-plane/apiserver/storage/entry.ts';
import type { Selection } from '#main/control-plane/apiserver/storage/watcher-index.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';
import type { Requirement, Selector } from '#shared/kube/selectors.ts';

export interface SelectionParts {
  readonly resource: Resource;
  /** '' for all. */
  readonly namespace: string;
  /** From the path; '' if it names none. */
  readonly name: string;
  readonly labels: Selector;
  readonly fields: readonly Requirement[];
  /** The stored object as the resource's functions know it, where several versions share a place. */
  readonly view?: (entry: Entry) => KubeObject;
}

type Test = (object: KubeObject) => boolean;
type FieldFunction = (object: KubeObject) => string;

/** Turns a path and two selectors into one question about an entry, the cheap parts first. */
export function compileSelection(parts: SelectionParts): Selection {
  const { resource, labels } = parts;
  let { namespace } = parts;
  let name: string | undefined = parts.name || undefined;
  let nodeName: string | undefined;
  const tests: Test[] = [];
  for (const requirement of parts.fields) {
    const { key, operator } = requirement;
    const [value = ''] = requirement.values;
    const isEquality = operator === 'Equals';
    if (key === 'metadata.name' && isEquality && value) {
      if (name !== undefined && name !== value) tests.push(() => false);
      name ??= value;
    } else if (key === 'metadata.namespace' && isEquality && value && !namespace) {
      namespace = value;
    } else {
      const of = fieldOf(resource, key);
      if (key === 'spec.nodeName' && isEquality && nodeName === undefined) nodeName = value;
      else tests.push((object) => (of(object) === value) === isEquality);
    }
  }
  if (!labels.isEverything) tests.push(({ metadata }) => labels.matches(metadata.labels));
  const isNamespaced = resource.scope === 'Namespaced';
  return {
    namespace: isNamespaced ? namespace : '',
    name,
    nodeName,
    isOneObject: name !== undefined && (!isNamespaced || namespace !== ''),
    matches: matcher(tests, parts.view),
  };
}

/** True when only the place decides: then counts are known without looking at objects. */
export function isUnselective({ name, nodeName, matches }: Selection): boolean {
  return name === undefined && nodeName === undefined && matches === undefined;
}

function matcher(
  tests: readonly Test[],
  view: ((entry: Entry) => KubeObject) | undefined,
): ((entry: Entry) => boolean) | undefined {
  const [only] = tests;
  if (!only) return undefined;
  if (tests.length === 1) {
    return view ? (entry) => only(view(entry)) : (entry) => only(entry.object);
  }
  return (entry) => {
    const object = view ? view(entry) : entry.object;
    for (const test of tests) if (!test(object)) return false;
    return true;
  };
}

function fieldOf(resource: Resource, key: string): FieldFunction {
  if (key === 'metadata.name') return ({ metadata }) => metadata.name;
  if (key === 'metadata.namespace') return ({ metadata }) => metadata.namespace ?? '';
  const of = resource.fieldSelectors?.[key];
  if (!of) throw new ApiError('BadRequest', `field label not supported: ${key}`);
  return of;
}
