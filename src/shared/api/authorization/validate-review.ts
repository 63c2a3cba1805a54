import type { FieldError } from '#shared/kube/errors.ts';
import { invalidValue } from '#shared/kube/field-error.ts';

interface ReviewSpec {
  readonly resourceAttributes?: { readonly namespace?: string };
  readonly nonResourceAttributes?: object;
}

/** What somebody asks about: a resource or a path, never both. */
export function* validateAsked(spec: ReviewSpec): Iterable<FieldError> {
  const { resourceAttributes: resource, nonResourceAttributes: other } = spec;
  if (resource && other) {
    yield invalidValue(
      'spec.nonResourceAttributes',
      other,
      'cannot be specified in combination with resourceAttributes',
    );
  }
  if (!resource && !other) {
    yield invalidValue(
      'spec.resourceAttributes',
      null,
      'exactly one of nonResourceAttributes or resourceAttributes must be specified',
    );
  }
}

/** The same on behalf of somebody. */
export function* validateAskedFor(
  spec: ReviewSpec & { readonly user?: string; readonly groups?: readonly string[] },
): Iterable<FieldError> {
  yield* validateAsked(spec);
  if (!spec.user && !spec.groups?.length) {
    yield invalidValue('spec.user', '', 'at least one of user or group must be specified');
  }
}
