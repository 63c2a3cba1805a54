import { draftOf, objectOf } from '#main/control-plane/apiserver/admission/request-objects.ts';
import type {
  AdmissionContext,
  AdmissionPlugin,
  AdmissionRequest,
} from '#main/control-plane/apiserver/admission/plugin.ts';
import { isSameKind, refuse } from '#main/control-plane/apiserver/admission/refusal.ts';
import { pods } from '#shared/api/core/pod.ts';
import { runtimeClasses } from '#shared/api/node/runtime-class.ts';
import type { Toleration } from '#shared/api/types/core-v1.ts';
import type { RuntimeClass } from '#shared/api/types/node-v1.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import type { Draft } from '#shared/kube/object.ts';

const mismatch = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";

/** A pod has the overhead and the scheduling constraints of its runtime class, and no other. */
export const runtimeClass: AdmissionPlugin = {
  name: 'RuntimeClass',
  handles: (operation, resource, subresource) =>
    operation === 'CREATE' && isSameKind(resource, pods) && subresource === '',
  admit(request, context) {
    const pod = draftOf(request, pods);
    const chosen = classOf(request, context);
    if (!chosen || !pod.spec) return;
    if (chosen.overhead) {
      const { podFixed } = chosen.overhead;
      const given = pod.spec.overhead;
      if (given && Object.keys(given).length > 0 && !semanticEqual(podFixed, given)) {
        throw refuse(request, mismatch);
      }
      if (podFixed) pod.spec.overhead = { ...podFixed };
      else delete pod.spec.overhead;
    }
    if (chosen.scheduling) schedule(request, chosen.scheduling);
  },
  validate(request, context) {
    const overhead = objectOf(request, pods).spec?.overhead;
    const chosen = classOf(request, context);
    if (chosen?.overhead) {
      if (!semanticEqual(chosen.overhead.podFixed ?? {}, overhead ?? {})) {
        throw refuse(request, mismatch);
      }
    } else if (overhead) {
      throw refuse(
        request,
        'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
      );
    }
  },
};

function classOf(
  request: AdmissionRequest,
  { objects }: AdmissionContext,
): RuntimeClass | undefined {
  const name = objectOf(request, pods).spec?.runtimeClassName;
  if (name === undefined) return undefined;
  const chosen = objects.get(runtimeClasses, { name });
  if (chosen) return chosen;
  throw refuse(request, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
}

function schedule(
  request: AdmissionRequest,
  { nodeSelector = {}, tolerations = [] }: NonNullable<RuntimeClass['scheduling']>,
): void {
  const spec = draftOf(request, pods).spec;
  for (const [key, value] of Object.entries(nodeSelector)) {
    const own = spec.nodeSelector?.[key];
    if (own !== undefined && own !== value) {
      throw refuse(
        request,
        `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`,
      );
    }
    (spec.nodeSelector ??= {})[key] = value;
  }
  const merged = mergeTolerations([...(spec.tolerations ?? []), ...tolerations]);
  if (merged.length > 0) spec.tolerations = merged;
}

/** Leaves out what another toleration already covers; of equal ones the first stays. */
function mergeTolerations(all: readonly Toleration[]): Draft<Toleration>[] {
  const merged: Draft<Toleration>[] = [];
  for (const [index, one] of all.entries()) {
    const isCovered =
      merged.some((other) => covers(other, one)) ||
      all.slice(index + 1).some((other) => !semanticEqual(one, other) && covers(other, one));
    if (!isCovered) merged.push({ ...one });
  }
  return merged;
}

/** True if the second tolerates nothing that the first does not. */
function covers(wide: Toleration, narrow: Toleration): boolean {
  if (semanticEqual(wide, narrow)) return true;
  if (wide.key !== narrow.key && (wide.key || wide.operator !== 'Exists')) return false;
  if (wide.effect !== narrow.effect && wide.effect) return false;
  if (wide.effect === 'NoExecute' && wide.tolerationSeconds !== undefined) {
    if (narrow.tolerationSeconds === undefined) return false;
    if (wide.tolerationSeconds < narrow.tolerationSeconds) return false;
  }
  if (wide.operator === 'Exists') return true;
  const isEqual = !wide.operator || wide.operator === 'Equal';
  return isEqual && narrow.operator === 'Equal' && wide.value === narrow.value;
}
