import type { LibraryEntry } from '#shared/cel/functions.ts';
import {
  CelDuration,
  CelError,
  CelOptional,
  CelUnsigned,
  isList,
  isMap,
  none,
  type CelValue,
} from '#shared/cel/values.ts';

export const optionals: readonly LibraryEntry[] = [
  ['optional.of(V): optional_type(V)', (value: CelValue) => new CelOptional(value)],
  [
    'optional.ofNonZeroValue(V): optional_type(V)',
    (value: CelValue) => (isZero(value) ? none : new CelOptional(value)),
  ],
  ['optional.none(): optional_type(V)', () => none],
  ['optional_type(V)::value(): V', valueOf],
  ['optional_type(V)::hasValue(): bool', ({ value }: CelOptional) => value !== undefined],
  [
    'optional_type(V)::or(optional_type(V)): optional_type(V)',
    (first: CelOptional, second: CelOptional) => (first.value === undefined ? second : first),
  ],
  [
    'optional_type(V)::orValue(V): V',
    ({ value }: CelOptional, other: CelValue) => (value === undefined ? other : value),
  ],
  ['list(V)::first(): optional_type(V)', (list: readonly CelValue[]) => heldBy(list[0])],
  ['list(V)::last(): optional_type(V)', (list: readonly CelValue[]) => heldBy(list.at(-1))],
  ['optional.unwrap(list(optional_type(V))): list(V)', unwrapped],
  ['list(optional_type(V))::unwrapOpt(): list(V)', unwrapped],
];

function heldBy(value: CelValue | undefined): CelOptional {
  return value === undefined ? none : new CelOptional(value);
}

function valueOf({ value }: CelOptional): CelValue {
  if (value === undefined) throw new CelError('optional.none() dereference');
  return value;
}

function unwrapped(list: readonly CelOptional[]): CelValue[] {
  return list.flatMap(({ value }) => (value === undefined ? [] : [value]));
}

function isZero(value: CelValue): boolean {
  if (value === null || value === false || value === '' || value === 0 || value === 0n) return true;
  if (value instanceof CelUnsigned) return value.value === 0n;
  if (value instanceof CelDuration) return value.nanoseconds === 0n;
  if (value instanceof Uint8Array || isList(value)) return value.length === 0;
  return isMap(value) && value.size === 0;
}
