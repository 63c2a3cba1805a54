import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { schemaOf } from '#shared/api/schema/schema.ts';
import { typeNames, typeData } from '#shared/api/schema/type-data.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { applyJsonPatch } from '#shared/kube/patch/json-patch.ts';
import type { JsonObject } from '#shared/kube/patch/json.ts';
import { applyMergePatch } from '#shared/kube/patch/merge-patch.ts';
import { applyStrategicMergePatch } from '#shared/kube/patch/strategic-merge-patch.ts';

interface Case {
  readonly base: number;
  readonly patch: JsonObject;
  /** A JSON patch from the base to what upstream's library made of it. */
  readonly result?: readonly unknown[];
  readonly error?: string;
}

/** What upstream's patch libraries answered to random patches of real objects. */
const recorded = JSON.parse(readFileSync('test/data/patches.json', 'utf8')) as {
  readonly bases: readonly JsonObject[];
  readonly strategic: readonly Case[];
  readonly merge: readonly Case[];
};

const typeOfKind = new Map(
  typeNames.flatMap((name) => (typeData(name).gvk ?? []).map((gvk) => [gvk, name] as const)),
);

function outcomeOf(task: () => unknown): unknown {
  try {
    return { result: task() };
  } catch (error) {
    if (ApiError.is(error)) return { error: error.message };
    throw error;
  }
}

function expected(current: JsonObject, { result, error }: Case): unknown {
  return error === undefined ? { result: applyJsonPatch(current, result) } : { error };
}

describe('patches of real objects end as upstream ends them', () => {
  test.each(recorded.strategic)('strategic merge of $patch', (row) => {
    const current = recorded.bases[row.base]!;
    const before = structuredClone(current);
    const schema = schemaOf(
      typeOfKind.get(`${String(current['apiVersion'])}/${String(current['kind'])}`)!,
    );
    const outcome = outcomeOf(() => applyStrategicMergePatch(schema, current, row.patch));
    expect(outcome).toEqual(expected(current, row));
    expect(current).toEqual(before);
  });

  test.each(recorded.merge)('merge of $patch', (row) => {
    const current = recorded.bases[row.base]!;
    expect(outcomeOf(() => applyMergePatch(current, row.patch))).toEqual(expected(current, row));
  });
});
