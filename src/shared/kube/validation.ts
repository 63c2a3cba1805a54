import type { FieldError } from '#shared/kube/errors.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import { pathSegment } from '#shared/kube/names.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '#shared/kube/object-meta.ts';
import type { Resource } from '#shared/kube/resource.ts';

type Repeated = readonly ('create' | 'update')[];

/** What is wrong with a new object: its kind's rules first and, if they hold, those of every object. */
export function validateNew<T extends KubeObject>(resource: Resource<T>, object: T): FieldError[] {
  const errors: FieldError[] = [];
  if (resource.metadata?.onCreate !== 'unchecked')
    append(errors, checkNewMetadata(resource, object));
  if (resource.validate) append(errors, resource.validate(object));
  if (errors.length > 0) return errors;
  const isNamespaced = resource.scope === 'Namespaced';
  const rules = { isNamespaced, validateName: pathSegment, qualifiesFinalizers: false };
  append(errors, validateObjectMeta(object.metadata, rules));
  return errors;
}

/** What is wrong with a change: the rules of every object, then those of its kind. */
export function validateChange<T extends KubeObject>(
  resource: Resource<T>,
  object: T,
  old: T,
): FieldError[] {
  const errors = changeOfMetadata(resource, object, old, resource.metadata?.onUpdate);
  if (resource.validateUpdate) append(errors, resource.validateUpdate(object, old));
  return errors;
}

/** The same for a change of the status subresource. */
export function validateStatusChange<T extends KubeObject>(
  resource: Resource<T>,
  object: T,
  old: T,
): FieldError[] {
  const errors = changeOfMetadata(resource, object, old, resource.metadata?.onStatusUpdate);
  if (resource.validateStatusUpdate) append(errors, resource.validateStatusUpdate(object, old));
  return errors;
}

function changeOfMetadata<T extends KubeObject>(
  resource: Resource<T>,
  object: T,
  old: T,
  repeated: Repeated = ['update'],
): FieldError[] {
  const errors = [
    ...validateObjectMetaUpdate(object.metadata, old.metadata, { qualifiesFinalizers: false }),
  ];
  for (const check of repeated) {
    append(
      errors,
      check === 'create'
        ? checkNewMetadata(resource, object)
        : validateObjectMetaUpdate(object.metadata, old.metadata, resource.metadata),
    );
  }
  return errors;
}

function checkNewMetadata<T extends KubeObject>(
  { scope, validateName, metadata }: Resource<T>,
  object: T,
): Iterable<FieldError> {
  return validateObjectMeta(object.metadata, {
    isNamespaced: scope === 'Namespaced',
    validateName,
    qualifiesFinalizers: metadata?.qualifiesFinalizers,
  });
}

function append(errors: FieldError[], more: Iterable<FieldError>): void {
  for (const error of more) errors.push(error);
}
