import type {
  MatchCondition,
  MatchResources,
  ParamKind,
} from '#shared/api/types/admissionregistration-v1.ts';
import {
  validateMatchConditions,
  validateParamKind,
} from '#shared/api/admissionregistration/expressions.ts';
import {
  failurePolicies,
  oneOf,
  validateMatchResources,
  validateMutatingOperations,
} from '#shared/api/admissionregistration/rules.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { required } from '#shared/kube/field-error.ts';

/** What validating and mutating policies share. */
interface PolicySpec {
  readonly failurePolicy?: string;
  readonly paramKind?: ParamKind;
  readonly matchConstraints?: MatchResources;
  readonly matchConditions?: readonly MatchCondition[];
}

export function* validatePolicy(
  spec: PolicySpec,
  old: PolicySpec | undefined,
  isMutating: boolean,
): Iterable<FieldError> {
  const { failurePolicy, paramKind, matchConstraints, matchConditions } = spec;
  yield* oneOf(failurePolicy, 'spec.failurePolicy', failurePolicies);
  if (paramKind) yield* validateParamKind(paramKind, 'spec.paramKind');
  const field = 'spec.matchConstraints';
  if (matchConstraints) {
    yield* validateMatchResources(matchConstraints, field);
    if (!matchConstraints.resourceRules?.length) yield required(`${field}.resourceRules`);
    if (isMutating) yield* validateMutatingOperations(matchConstraints, field);
  } else yield required(field);
  const isUnchanged =
    old !== undefined &&
    semanticEqual(paramKind, old.paramKind) &&
    semanticEqual(matchConditions, old.matchConditions);
  if (isUnchanged) return;
  const hasParams = paramKind !== undefined;
  yield* validateMatchConditions(matchConditions, 'spec.matchConditions', hasParams);
}

export function formatParamKind(kind: ParamKind | undefined): string {
  return kind ? `${kind.apiVersion ?? ''}/${kind.kind ?? ''}` : '<unset>';
}
