import { ApiError } from '#shared/kube/errors.ts';
import {
  has,
  isArray,
  isObject,
  isSameJson,
  memberOf,
  setMember,
  type JsonDraft,
  type JsonObject,
} from '#shared/kube/patch/json.ts';

/**
 * Applies an RFC 7386 patch to an object. What does not change is shared with `document`; a patch
 * that changes nothing gives `document` itself. Throws 400 when the patch is no object.
 */
export function applyMergePatch(document: JsonObject, patch: unknown): JsonObject {
  if (patch === null) throw new ApiError('BadRequest', 'Invalid JSON Patch');
  if (!isObject(patch)) {
    const kind = isArray(patch) ? 'array' : typeof patch === 'boolean' ? 'bool' : typeof patch;
    throw new ApiError(
      'BadRequest',
      `error decoding patch: json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`,
    );
  }
  return merge(document, patch);
}

function merge(document: JsonObject, patch: JsonObject): JsonObject {
  let merged: JsonDraft | undefined;
  for (const key of Object.keys(patch)) {
    const wanted = patch[key];
    const present = has(document, key);
    if (wanted === null) {
      if (present) delete (merged ??= { ...document })[key];
      continue;
    }
    const current = memberOf(document, key);
    const value = mergeValue(current, wanted);
    if (present && value === current) continue;
    setMember((merged ??= { ...document }), key, value);
  }
  return merged ?? document;
}

function mergeValue(current: unknown, wanted: unknown): unknown {
  if (isObject(current) && isObject(wanted)) return merge(current, wanted);
  const value = isObject(current) ? wanted : withoutNulls(wanted);
  return isSameJson(current, value) ? current : value;
}

/** Null members never reach the result; null items of a list do. */
function withoutNulls(value: unknown): unknown {
  if (isArray(value)) return value.map((item) => (item === null ? null : withoutNulls(item)));
  if (!isObject(value)) return value;
  const kept: JsonDraft = {};
  for (const key of Object.keys(value)) {
    if (value[key] !== null) setMember(kept, key, withoutNulls(value[key]));
  }
  return kept;
}
