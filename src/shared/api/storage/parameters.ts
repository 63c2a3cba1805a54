import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach } from '#shared/kube/checks.ts';
import { invalidValue, required, tooLong } from '#shared/kube/field-error.ts';
import { byteLength, qualifiedName } from '#shared/kube/names.ts';

type Parameters = Readonly<Record<string, string>>;

const most = 512;
const largest = 256 * 1024;

/** The name of a driver. */
export function* validateProvisioner(name: string, field: string): Iterable<FieldError> {
  if (!name) yield required(field);
  else yield* invalidEach(field, name.toLowerCase(), qualifiedName(name.toLowerCase()));
}

/** What a driver is told, which only it understands. */
export function* validateParameters(
  parameters: Parameters | undefined,
  field: string,
): Iterable<FieldError> {
  const entries = Object.entries(parameters ?? {});
  if (entries.length > most) yield tooLong(field, most);
  let size = 0;
  for (const [key, value] of entries) {
    if (!key) yield invalidValue(field, key, 'field can not be empty.');
    size += byteLength(key) + byteLength(value);
  }
  if (size > largest) yield tooLong(field, largest);
}
