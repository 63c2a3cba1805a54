import { writeThrough } from '#main/control-plane/apiserver/registry/subresource.ts';
import type { KindRest } from '#main/control-plane/apiserver/registry/kind-rest.ts';
import { get } from '#main/control-plane/apiserver/registry/read.ts';
import type { UpdateStrategy } from '#main/control-plane/apiserver/registry/update.ts';
import { prepareEphemeralContainers, prepareResize } from '#shared/api/core/pod/prepare.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import { invalid, type FieldError } from '#shared/kube/errors.ts';
import { forbiddenValue } from '#shared/kube/field-error.ts';
import type { Draft } from '#shared/kube/object.ts';

const ephemeralContainers: UpdateStrategy = {
  prepare: (_resource, draft, old) => prepareEphemeralContainers(draft as Draft<Pod>, old as Pod),
  check: (_resource, draft, old) =>
    refuse(draft as Pod, [...lostContainers(draft as Pod, old as Pod)]),
};

const resize: UpdateStrategy = {
  prepare: (_resource, draft, old) => prepareResize(draft as Draft<Pod>, old as Pod),
  check: (_resource, draft, old) =>
    refuse(draft as Pod, [...otherChanges(draft as Pod, old as Pod)]),
};

/** Parts of a pod's spec that change through doors of their own. */
export const podPartHandlers: NonNullable<KindRest['handlers']> = {
  'get/ephemeralcontainers': get,
  'update/ephemeralcontainers': (request, core) => writeThrough(request, core, ephemeralContainers),
  'patch/ephemeralcontainers': (request, core) => writeThrough(request, core, ephemeralContainers),
  'get/resize': get,
  'update/resize': (request, core) => writeThrough(request, core, resize),
  'patch/resize': (request, core) => writeThrough(request, core, resize),
};

function* lostContainers(pod: Pod, old: Pod): Iterable<FieldError> {
  const now = new Map((pod.spec.ephemeralContainers ?? []).map((each) => [each.name, each]));
  for (const container of old.spec.ephemeralContainers ?? []) {
    const kept = now.get(container.name);
    if (!kept) {
      yield forbiddenValue(
        'spec.ephemeralContainers',
        `existing ephemeral containers ${JSON.stringify(container.name)} may not be removed\n`,
      );
    } else if (!semanticEqual(kept, container)) {
      yield forbiddenValue(
        'spec.ephemeralContainers',
        `existing ephemeral containers ${JSON.stringify(container.name)} may not be changed\n`,
      );
    }
  }
}

/** `prepareResize` leaves a draft whose containers are others as it came: that is refused. */
function* otherChanges(pod: Pod, old: Pod): Iterable<FieldError> {
  const names = (each: Pod): string[] => each.spec.containers.map(({ name }) => name);
  if (!semanticEqual(names(pod), names(old))) {
    yield forbiddenValue('spec', 'only cpu and memory resources are mutable');
  }
}

function refuse(pod: Pod, causes: readonly FieldError[]): void {
  if (causes.length > 0) throw invalid(pods, pod.metadata.name, causes);
}
