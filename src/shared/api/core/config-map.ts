import type { ConfigMap } from '#shared/api/types/core-v1.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach } from '#shared/kube/checks.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import { forbiddenValue, invalidValue, tooLong } from '#shared/kube/field-error.ts';
import { byteLength, configMapKey } from '#shared/kube/names.ts';
import { base64Length } from '#shared/api/core/base64.ts';
import { resource } from '#shared/kube/resource.ts';

export const configMaps = resource<ConfigMap>({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  singular: 'configmap',
  scope: 'Namespaced',
  shortNames: ['cm'],
  type: 'core.v1.ConfigMap',
  storage: { prefix: '/registry/configmaps' },
  metadata: { onUpdate: ['update', 'create'] },
  validate: validateData,
  *validateUpdate(object, old) {
    if (old.immutable) {
      for (const error of changesOfImmutable(object, old, ['data', 'binaryData'])) yield error;
    }
    yield* validateData(object);
  },
  columns: [
    nameColumn,
    {
      name: 'Data',
      value: ({ data = {}, binaryData = {} }) =>
        Object.keys(data).length + Object.keys(binaryData).length,
    },
    ageColumn,
  ],
});

const maxBytes = 1024 * 1024;

function* validateData({ data = {}, binaryData = {} }: ConfigMap): Iterable<FieldError> {
  let size = 0;
  for (const key of Object.keys(data)) {
    yield* invalidEach(`data[${key}]`, key, configMapKey(key));
    if (binaryData[key] !== undefined) {
      yield invalidValue(`data[${key}]`, key, 'duplicate of key present in binaryData');
    }
    size += byteLength(data[key]!);
  }
  for (const key of Object.keys(binaryData)) {
    yield* invalidEach(`binaryData[${key}]`, key, configMapKey(key));
    size += base64Length(binaryData[key]!);
  }
  if (size > maxBytes) yield tooLong('', maxBytes);
}

/** An object marked immutable keeps its data and stays marked. */
export function* changesOfImmutable<T extends { readonly immutable?: boolean }>(
  object: T,
  old: T,
  members: readonly (keyof T & string)[],
): Iterable<FieldError> {
  const problem = 'field is immutable when `immutable` is set';
  if (!object.immutable) yield forbiddenValue('immutable', problem);
  for (const member of members) {
    if (!semanticEqual(object[member], old[member])) yield forbiddenValue(member, problem);
  }
}
