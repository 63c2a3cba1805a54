import type { PodSpec } from '#shared/api/types/core-v1.ts';
import { hasValidDeletionCost } from '#shared/api/core/pod/annotations.ts';
import { strict, strictPod, type PodAllowances } from '#shared/api/core/pod/context.ts';
import { eachContainer } from '#shared/api/core/pod/each-container.ts';
import { validateSelectorKeys } from '#shared/api/core/pod/label-keys.ts';
import { hostSysctlProblem } from '#shared/api/core/pod/security-context.ts';
import { isDivisibleIntoPages, isHugePages } from '#shared/api/core/resource-names.ts';
import { unreservedPath } from '#shared/api/core/volume/paths.ts';
import { isClean } from '#shared/kube/checks.ts';
import { labelValue } from '#shared/kube/names.ts';
import { validateLabelSelector } from '#shared/kube/object-meta.ts';
import type { LabelSelector, ObjectMeta } from '#shared/kube/types/meta-v1.ts';

type OldMeta = Pick<ObjectMeta, 'annotations'> | undefined;

/** What newer rules refuse but an older pod has, its next version may have too. */
export function podAllowances(
  old: PodSpec | undefined,
  oldMeta: OldMeta,
  { isPod }: { readonly isPod: boolean },
): PodAllowances {
  if (!old) return isPod ? strictPod : strict;
  const affinity = old.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const constraints = old.topologySpreadConstraints ?? [];
  return {
    isPod,
    invalidDeletionCost: !hasValidDeletionCost(oldMeta?.annotations),
    invalidSelectorValues: affinitySelectors(old).some(hasInvalidValue),
    invalidNodeAffinityValues: (affinity?.nodeSelectorTerms ?? []).some(({ matchExpressions }) =>
      matchExpressions?.some(({ values }) => values?.some(isInvalidValue)),
    ),
    invalidSpreadSelector: constraints.some(
      ({ labelSelector }) => !isClean(validateLabelSelector(labelSelector, '')),
    ),
    overlappingSpreadKeys: constraints.some(
      (constraint) => !isClean(validateSelectorKeys(constraint, '')),
    ),
    indivisibleHugePages: usesIndivisiblePages(old),
    nonLocalTokenPath: usesNonLocalToken(old),
    hostSysctls: (old.securityContext?.sysctls ?? []).some(
      ({ name }) => hostSysctlProblem(old, name) !== undefined,
    ),
    mountSeLinuxChangePolicy: old.securityContext?.seLinuxChangePolicy !== undefined,
    restartContainerForInitContainers: (old.initContainers ?? []).some(
      ({ restartPolicy, resizePolicy }) =>
        restartPolicy !== 'Always' &&
        resizePolicy?.some((policy) => policy.restartPolicy === 'RestartContainer'),
    ),
    userNamespacesWithDevices:
      old.hostUsers === false &&
      [...eachContainer(old, '')].some(([{ volumeDevices }]) => volumeDevices?.length),
    comparingTolerations: (old.tolerations ?? []).some(
      ({ operator }) => operator === 'Lt' || operator === 'Gt',
    ),
    userNamespacesWithHostNetwork: old.hostUsers === false && old.hostNetwork === true,
  };
}

function isInvalidValue(value: string): boolean {
  return labelValue(value).length > 0;
}

function hasInvalidValue(selector: LabelSelector | undefined): boolean {
  return (selector?.matchExpressions ?? []).some(({ values }) => values?.some(isInvalidValue));
}

function affinitySelectors({ affinity }: PodSpec): (LabelSelector | undefined)[] {
  return [affinity?.podAffinity, affinity?.podAntiAffinity].flatMap((pods) =>
    [
      ...(pods?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
      ...(pods?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(
        ({ podAffinityTerm }) => podAffinityTerm,
      ),
    ].map(({ labelSelector }) => labelSelector),
  );
}

function usesIndivisiblePages(spec: PodSpec): boolean {
  for (const [{ resources }] of eachContainer(spec, '')) {
    for (const amounts of [resources?.limits, resources?.requests]) {
      for (const [name, amount] of Object.entries(amounts ?? {})) {
        if (isHugePages(name) && !isDivisibleIntoPages(name, amount)) return true;
      }
    }
  }
  return false;
}

function usesNonLocalToken({ volumes }: PodSpec): boolean {
  return (volumes ?? []).some(({ projected }) =>
    (projected?.sources ?? []).some(
      ({ serviceAccountToken: token }) => token && !isClean(unreservedPath(token.path ?? '', '')),
    ),
  );
}
