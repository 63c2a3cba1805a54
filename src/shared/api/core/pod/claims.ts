import type { PodResourceClaim } from '#shared/api/types/core-v1.ts';
import { mirrorAnnotation } from '#shared/api/core/pod/annotations.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach } from '#shared/kube/checks.ts';
import {
  duplicateValue,
  forbiddenValue,
  invalidValue,
  required,
} from '#shared/kube/field-error.ts';
import { dns1123Label, dns1123Subdomain } from '#shared/kube/names.ts';
import type { ObjectMeta } from '#shared/kube/types/meta-v1.ts';

export function* validatePodClaims(
  claims: readonly PodResourceClaim[],
  field: string,
  meta: ObjectMeta | undefined,
): Iterable<FieldError> {
  const names = new Set<string>();
  const isStatic = meta?.annotations?.[mirrorAnnotation] !== undefined;
  for (const [index, claim] of claims.entries()) {
    if (isStatic) yield forbiddenValue('', 'static pods do not support resource claims');
    else yield* validateClaim(claim, `${field}[${index}]`, names);
  }
}

function* validateClaim(
  claim: PodResourceClaim,
  path: string,
  names: Set<string>,
): Iterable<FieldError> {
  const { name, resourceClaimName, resourceClaimTemplateName } = claim;
  if (!name) yield required(`${path}.name`);
  else if (names.has(name)) yield duplicateValue(`${path}.name`, name);
  else {
    yield* invalidEach(`${path}.name`, name, dns1123Label(name));
    names.add(name);
  }
  if (resourceClaimName !== undefined && resourceClaimTemplateName !== undefined) {
    yield invalidValue(
      path,
      claim,
      'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified',
    );
  }
  if (resourceClaimName === undefined && resourceClaimTemplateName === undefined) {
    yield invalidValue(
      path,
      claim,
      'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`',
    );
  }
  for (const member of ['resourceClaimName', 'resourceClaimTemplateName'] as const) {
    const reference = claim[member];
    if (reference === undefined) continue;
    yield* invalidEach(`${path}.${member}`, reference, dns1123Subdomain(reference));
  }
}
