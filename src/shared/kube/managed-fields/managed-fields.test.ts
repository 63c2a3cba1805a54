import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decodeObject } from '#shared/api/codec/decode.ts';
import { typeData, typeNames } from '#shared/api/schema/type-data.ts';
import { schemaOf } from '#shared/api/schema/schema.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { onApply } from '#shared/kube/managed-fields/apply.ts';
import { setOf } from '#shared/kube/managed-fields/field-set.ts';
import { onUpdate, type OwnedEndpoint } from '#shared/kube/managed-fields/update.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import { applyJsonPatch } from '#shared/kube/patch/json-patch.ts';
import type { JsonObject } from '#shared/kube/patch/json.ts';
import type { ManagedFieldsEntry } from '#shared/kube/types/meta-v1.ts';

type Row = readonly [
  manager: string | null,
  operation: string,
  subresource: string | null,
  second: number | null,
  fields: unknown,
];

interface Step {
  readonly manager: string;
  readonly subresource?: string;
  readonly force?: true;
  /** A JSON patch from the live object to the updated one. */
  readonly update?: readonly unknown[];
  readonly sent?: readonly ManagedFieldsEntry[];
  readonly config?: JsonObject;
  /** A JSON patch from the live object to the applied one. */
  readonly object?: readonly unknown[];
  readonly error?: {
    readonly code: number;
    readonly reason?: string;
    readonly message: string;
    readonly causes?: readonly (readonly [string, string, string])[];
  };
  readonly managed?: readonly Row[];
  readonly at?: number;
}

/** What upstream's field manager made of random updates and applies, one after the other. */
const recorded = JSON.parse(readFileSync('test/data/managed-fields.json', 'utf8')) as {
  readonly cases: readonly {
    readonly type: string;
    readonly empty: JsonObject;
    readonly steps: readonly Step[];
  }[];
};

const typeOfKind = new Map(
  typeNames.flatMap((name) => (typeData(name).gvk ?? []).map((gvk) => [gvk, name] as const)),
);

function endpointOf(type: string, subresource: string): OwnedEndpoint {
  const [, apiVersion, kind] = /^(.*)\/(\w+)$/.exec(type)!;
  return {
    kind: kind!,
    apiVersion: apiVersion!,
    schema: schemaOf(typeOfKind.get(type)!),
    subresource,
    resetFields: subresource ? setOf(['spec'], ['metadata', 'labels']) : setOf(['status']),
  };
}

const rowOf = (entry: ManagedFieldsEntry): Row => [
  entry.manager ?? null,
  entry.operation!,
  entry.subresource ?? null,
  entry.time ? Number(entry.time.slice(17, 19)) : null,
  entry.fieldsV1,
];

/** As it is stored, once the server has decoded it. */
function stored(type: string, object: JsonObject): unknown {
  const metadata = { ...(object['metadata'] as JsonObject), uid: 'u1' };
  return decodeObject(typeOfKind.get(type)!, { ...object, metadata }).object;
}

describe('fields are owned as upstream has them owned', () => {
  test.each(recorded.cases.map((row, index) => [index, row.type, row] as const))(
    'in history %i, of a %s',
    (_, type, { empty, steps }) => {
      let live = empty;
      let managedFields: readonly ManagedFieldsEntry[] | undefined;
      for (const step of steps) {
        const now = Date.UTC(2020, 0, 1, 0, 0, step.at ?? 0);
        const endpoint = endpointOf(type, step.subresource ?? '');
        const withOwners = withManaged(live, managedFields);
        const outcome = run(endpoint, step, { live: withOwners, empty, now });
        const next = step.error
          ? live
          : (applyJsonPatch(live, step.update ?? step.object) as JsonObject);
        expect({
          error: outcome.error,
          managed: outcome.managedFields?.map(rowOf) ?? [],
          object: stored(type, outcome.object ?? next),
        }).toEqual({
          error: step.error,
          managed: step.managed ?? [],
          object: stored(type, next),
        });
        if (!step.managed) continue;
        live = stored(type, next) as JsonObject;
        managedFields = outcome.managedFields;
      }
    },
  );

  test('from what an empty document decodes to', () => {
    for (const { type, empty } of recorded.cases) {
      expect(decodeObject(typeOfKind.get(type)!, {}).object).toEqual(empty);
    }
  });
});

function withManaged(
  object: JsonObject,
  managedFields: readonly ManagedFieldsEntry[] | undefined,
): KubeObject {
  const metadata = {
    ...(object['metadata'] as JsonObject),
    ...(managedFields && { managedFields }),
  };
  return { ...object, metadata } as unknown as KubeObject;
}

interface Outcome {
  readonly managedFields?: readonly ManagedFieldsEntry[] | undefined;
  readonly object?: JsonObject;
  readonly error?: unknown;
}

function run(
  endpoint: OwnedEndpoint,
  step: Step,
  { live, empty, now }: { live: KubeObject; empty: JsonObject; now: number },
): Outcome {
  const { manager } = step;
  if (step.update) {
    const next = applyJsonPatch(live, step.update) as JsonObject;
    const { managedFields: _, ...metadata } = next['metadata'] as JsonObject;
    const updated = withManaged({ ...next, metadata }, step.sent);
    return { managedFields: onUpdate(endpoint, { live, updated, manager, now }) };
  }
  try {
    return onApply(endpoint, {
      live,
      empty: empty as unknown as KubeObject,
      config: step.config,
      manager,
      force: step.force ?? false,
      now,
    });
  } catch (error) {
    if (!ApiError.is(error)) throw error;
    const { code, reason, message } = error;
    if (!reason) return { error: { code, message } };
    const causes = error.causes
      .map((cause) => [cause.type, cause.field, cause.message] as const)
      .sort((left, right) => (left[2] === right[2] ? 0 : left[2] < right[2] ? -1 : 1));
    return { error: { code, reason, message, causes } };
  }
}
