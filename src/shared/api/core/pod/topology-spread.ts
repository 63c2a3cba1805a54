import type { TopologySpreadConstraint } from '#shared/api/types/core-v1.ts';
import type { PodAllowances } from '#shared/api/core/pod/context.ts';
import { validateSelectorKeys, validateSpreadKeysLegacy } from '#shared/api/core/pod/label-keys.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { positive } from '#shared/kube/checks.ts';
import { duplicateValue, invalidValue, notSupported, required } from '#shared/kube/field-error.ts';
import { validateLabelSelector } from '#shared/kube/object-meta.ts';

const actions = ['DoNotSchedule', 'ScheduleAnyway'];
const policies = ['Honor', 'Ignore'];

export function* validateTopologySpread(
  constraints: readonly TopologySpreadConstraint[],
  field: string,
  allows: PodAllowances,
): Iterable<FieldError> {
  for (const [index, constraint] of constraints.entries()) {
    const path = `${field}[${index}]`;
    const { maxSkew, topologyKey, whenUnsatisfiable: action } = constraint;
    yield* positive(maxSkew, `${path}.maxSkew`);
    if (!topologyKey) yield required(`${path}.topologyKey`, 'can not be empty');
    if (!actions.includes(action)) {
      yield notSupported(`${path}.whenUnsatisfiable`, action, actions);
    }
    const isRepeated = constraints
      .slice(index + 1)
      .some(
        (later) =>
          (later.topologyKey ?? '') === topologyKey && (later.whenUnsatisfiable ?? '') === action,
      );
    if (isRepeated) {
      yield duplicateValue(
        `${path}.{topologyKey, whenUnsatisfiable}`,
        `{${topologyKey}, ${action}}`,
      );
    }
    yield* validateMinDomains(constraint, `${path}.minDomains`);
    for (const member of ['nodeAffinityPolicy', 'nodeTaintsPolicy'] as const) {
      const policy = constraint[member];
      if (policy !== undefined && !policies.includes(policy)) {
        yield notSupported(`${path}.${member}`, policy, policies);
      }
    }
    if (allows.overlappingSpreadKeys) {
      yield* validateSpreadKeysLegacy(constraint, `${path}.matchLabelKeys`);
    } else yield* validateSelectorKeys(constraint, path);
    if (!allows.invalidSpreadSelector) {
      yield* validateLabelSelector(constraint.labelSelector, `${path}.labelSelector`);
    }
  }
}

function* validateMinDomains(
  { minDomains, whenUnsatisfiable }: TopologySpreadConstraint,
  field: string,
): Iterable<FieldError> {
  if (minDomains === undefined) return;
  yield* positive(minDomains, field);
  if (whenUnsatisfiable !== 'DoNotSchedule') {
    yield invalidValue(
      field,
      minDomains,
      `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`,
    );
  }
}
