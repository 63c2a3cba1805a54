import type { FieldError } from '#shared/kube/errors.ts';
import { notSupported, required } from '#shared/kube/field-error.ts';

const policies = ['Always', 'IfNotPresent', 'Never'];

export function* validatePullPolicy(policy: string, field: string): Iterable<FieldError> {
  if (!policy) yield required(field);
  else if (!policies.includes(policy)) yield notSupported(field, policy, policies);
}
