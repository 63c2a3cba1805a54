import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach } from '#shared/kube/checks.ts';
import { invalidValue, required, tooLong } from '#shared/kube/field-error.ts';
import { byteLength, qualifiedName } from '#shared/kube/names.ts';

const limit = 256 * 1024;

/** Annotations whose keys must carry a domain. */
export function* validateUserAnnotations(
  annotations: Readonly<Record<string, string>> | undefined,
  field: string,
): Iterable<FieldError> {
  let size = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    yield* validateDomainKey(key.toLowerCase(), field);
    size += byteLength(key) + byteLength(value);
  }
  if (size > limit) yield tooLong(field, limit);
}

function* validateDomainKey(key: string, field: string): Iterable<FieldError> {
  if (!key) yield required(field);
  else {
    const problems = qualifiedName(key);
    yield* invalidEach(field, key, problems);
    if (problems.length === 0 && !key.includes('/')) {
      yield invalidValue(field, key, 'must be a domain-prefixed key (such as "acme.io/foo")');
    }
  }
}
