import { functionTable, type FunctionTable } from '#shared/cel/functions.ts';
import { traversalKeepingSize } from '#shared/cel/library/sizes.ts';
import { dyn, objectType, string, type CelType } from '#shared/cel/types.ts';

/** `JSONPatch{op: 'add', path: '/a', value: 1}` */
export const jsonPatchType = objectType('JSONPatch', {
  fields: new Map<string, CelType>([
    ['op', string],
    ['path', string],
    ['from', string],
    ['value', dyn],
  ]),
});

/** `Object{spec: Object.spec{replicas: 3}}`: types named by where they stand, with fields of any name. */
export const objectPatchType = objectType('Object', { fieldType: () => dyn });

export function patchTypeNamed(name: string): CelType | undefined {
  if (name === 'JSONPatch') return jsonPatchType;
  if (name === 'Object') return objectPatchType;
  return name.startsWith('Object.') ? objectType(name, { fieldType: () => dyn }) : undefined;
}

export const patchFunctions: FunctionTable = functionTable([
  [
    [
      'jsonpatch.escapeKey(string): string',
      (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1'),
      traversalKeepingSize(0),
    ],
  ],
]);
