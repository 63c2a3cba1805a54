import { invalid, type FieldError } from '#shared/kube/errors.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import { validateChange, validateNew, validateStatusChange } from '#shared/kube/validation.ts';

type Loose = Draft<KubeObject> & Record<string, unknown>;

/** Everything that is wrong with a new object, at once. */
export function checkNew(resource: Resource, object: KubeObject): void {
  refuse(resource, object, validateNew(resource, object));
}

export function checkUpdate(resource: Resource, object: KubeObject, old: KubeObject): void {
  refuse(resource, object, validateChange(resource, object, old));
}

export function checkStatusUpdate(resource: Resource, object: KubeObject, old: KubeObject): void {
  refuse(resource, object, validateStatusChange(resource, object, old));
}

/** 422 with all of them, if there are any. */
export function refuse(
  resource: Resource,
  object: KubeObject,
  causes: readonly FieldError[],
): void {
  if (causes.length > 0) throw invalid(resource, object.metadata.name, causes);
}

/** What a creator may not set. */
export function prepareForCreate(resource: Resource, draft: Draft<KubeObject>, now: string): void {
  if (resource.lifecycle?.generation) draft.metadata.generation = 1;
  else if (draft.metadata.generation === 0) delete draft.metadata.generation;
  if (resource.prepareForCreate) resource.prepareForCreate(draft, now);
}

/** What an update may not touch; another spec is another generation. */
export function prepareForUpdate(
  resource: Resource,
  draft: Draft<KubeObject>,
  old: KubeObject,
): void {
  if (resource.prepareForUpdate) resource.prepareForUpdate(draft, old);
  else if (hasStatus(resource)) restore(draft, old as unknown as Loose, ['status']);
  if (!resource.lifecycle?.generation) return;
  if (isOtherSpec(draft, old as unknown as Loose)) {
    draft.metadata.generation = (old.metadata.generation ?? 0) + 1;
  }
}

export function prepareForStatusUpdate(
  resource: Resource,
  draft: Draft<KubeObject>,
  old: KubeObject,
  now: string,
): void {
  if (resource.prepareForStatusUpdate) {
    resource.prepareForStatusUpdate(draft, old, now);
    return;
  }
  const others = new Set([...Object.keys(draft), ...Object.keys(old)]);
  for (const key of ['apiVersion', 'kind', 'metadata', 'status']) others.delete(key);
  restore(draft, old as unknown as Loose, [...others]);
}

function hasStatus(resource: Resource): boolean {
  return resource.subresources?.some(({ name }) => name === 'status') ?? false;
}

function restore(draft: Loose, old: Loose, keys: readonly string[]): void {
  for (const key of keys) {
    if (old[key] === undefined) delete draft[key];
    else draft[key] = old[key];
  }
}

/** Everything but metadata and status counts as the spec. */
function isOtherSpec(draft: Loose, old: Loose): boolean {
  const keys = new Set([...Object.keys(draft), ...Object.keys(old)]);
  for (const key of keys) {
    if (key === 'metadata' || key === 'status' || key === 'apiVersion' || key === 'kind') continue;
    if (draft[key] !== old[key] && !semanticEqual(draft[key], old[key])) return true;
  }
  return false;
}
