import {
  draftOf,
  objectOf,
  oldObjectOf,
} from '#main/control-plane/apiserver/admission/request-objects.ts';
import type {
  AdmissionContext,
  AdmissionPlugin,
  AdmissionRequest,
} from '#main/control-plane/apiserver/admission/plugin.ts';
import { isSameKind, refuse } from '#main/control-plane/apiserver/admission/refusal.ts';
import { pods } from '#shared/api/core/pod.ts';
import { priorityClasses } from '#shared/api/scheduling/priority-class.ts';
import type { PriorityClass } from '#shared/api/types/scheduling-v1.ts';

/** A pod's priority is what its class says; only one class is the default. */
export const priority: AdmissionPlugin = {
  name: 'Priority',
  handles: (operation, resource, subresource) =>
    subresource === '' &&
    (operation === 'CREATE' || operation === 'UPDATE') &&
    (isSameKind(resource, pods) || isSameKind(resource, priorityClasses)),
  admit(request, context) {
    if (!isSameKind(request.resource, pods)) return;
    if (request.operation === 'UPDATE') keepPriority(request);
    else setPriority(request, context);
  },
  validate(request, { objects }) {
    if (!isSameKind(request.resource, priorityClasses)) return;
    const { globalDefault, metadata } = objectOf(request, priorityClasses);
    const current = globalDefault ? defaultClass(objects.list(priorityClasses)) : undefined;
    if (!current) return;
    if (request.operation === 'UPDATE' && current.metadata.name === metadata.name) return;
    throw refuse(
      request,
      `PriorityClass ${current.metadata.name} is already marked as default. Only one default can exist`,
    );
  },
};

function keepPriority(request: AdmissionRequest): void {
  const { spec } = draftOf(request, pods);
  const old = oldObjectOf(request, pods).spec;
  if (!spec || !old) return;
  if (old.priority !== undefined) spec.priority ??= old.priority;
  if (old.preemptionPolicy !== undefined) spec.preemptionPolicy ??= old.preemptionPolicy;
}

function setPriority(request: AdmissionRequest, { objects }: AdmissionContext): void {
  const { spec } = draftOf(request, pods);
  if (!spec) return;
  let chosen: PriorityClass | undefined;
  if (spec.priorityClassName) {
    chosen = objects.get(priorityClasses, { name: spec.priorityClassName });
    if (!chosen) {
      throw refuse(request, `no PriorityClass with name ${spec.priorityClassName} was found`);
    }
  } else {
    chosen = defaultClass(objects.list(priorityClasses));
    if (chosen) spec.priorityClassName = chosen.metadata.name;
  }
  const value = chosen?.value ?? 0;
  if (spec.priority !== undefined && spec.priority !== value) {
    throw refuse(
      request,
      `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
    );
  }
  spec.priority = value;
  const policy = chosen ? chosen.preemptionPolicy : 'PreemptLowerPriority';
  if (policy === undefined) return;
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy) {
    throw refuse(
      request,
      `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
    );
  }
  spec.preemptionPolicy = policy;
}

/** Of several defaults, which a race may leave behind, the lowest. */
function defaultClass(classes: Iterable<PriorityClass>): PriorityClass | undefined {
  let chosen: PriorityClass | undefined;
  for (const candidate of classes) {
    if (!candidate.globalDefault) continue;
    if (!chosen || candidate.value < chosen.value) chosen = candidate;
  }
  return chosen;
}
