import type { FieldError } from '#shared/kube/errors.ts';
import { invalidValue, required } from '#shared/kube/field-error.ts';

const modeProblem = 'must be a number between 0 and 0777 (octal), both inclusive';

export function* validateMode(mode: number | undefined, field: string): Iterable<FieldError> {
  if (mode !== undefined && (mode > 0o777 || mode < 0))
    yield invalidValue(field, mode, modeProblem);
}

export function* noBacksteps(path: string, field: string): Iterable<FieldError> {
  if (path.split('/').includes('..')) yield invalidValue(field, path, "must not contain '..'");
}

/** Relative and without `..`. */
export function* descendingPath(path: string, field: string): Iterable<FieldError> {
  if (path.startsWith('/')) yield invalidValue(field, path, 'must be a relative path');
  yield* noBacksteps(path, field);
}

/** As `descendingPath`; names that begin with `..` are the volume writer's own. */
export function* unreservedPath(path: string, field: string): Iterable<FieldError> {
  yield* descendingPath(path, field);
  if (path.startsWith('..') && !path.startsWith('../')) {
    yield invalidValue(field, path, "must not start with '..'");
  }
}

interface KeyToPath {
  readonly key: string;
  readonly path: string;
  readonly mode?: number;
}

export function* validateKeyToPath(item: KeyToPath, field: string): Iterable<FieldError> {
  const { key, path, mode } = item;
  if (!key) yield required(`${field}.key`);
  if (!path) yield required(`${field}.path`);
  yield* unreservedPath(path, `${field}.path`);
  yield* validateMode(mode, `${field}.mode`);
}
