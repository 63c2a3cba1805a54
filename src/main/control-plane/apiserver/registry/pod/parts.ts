import { writeThrough } from '#main/control-plane/apiserver/registry/subresource.ts';
import type { KindRest } from '#main/control-plane/apiserver/registry/kind-rest.ts';
import { get } from '#main/control-plane/apiserver/registry/read.ts';
import type { UpdateStrategy } from '#main/control-plane/apiserver/registry/update.ts';
import { validateEphemeralContainersUpdate, validateResize } from '#shared/api/core/pod/parts.ts';
import { prepareEphemeralContainers, prepareResize } from '#shared/api/core/pod/prepare.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { invalid, type FieldError } from '#shared/kube/errors.ts';
import type { Draft } from '#shared/kube/object.ts';

const ephemeralContainers: UpdateStrategy = {
  prepare: (_resource, draft, old) => prepareEphemeralContainers(draft as Draft<Pod>, old as Pod),
  check: (_resource, draft, old) =>
    refuse(draft as Pod, [...validateEphemeralContainersUpdate(draft as Pod, old as Pod)]),
};

const resize: UpdateStrategy = {
  prepare: (_resource, draft, old) => prepareResize(draft as Draft<Pod>, old as Pod),
  check: (_resource, draft, old) =>
    refuse(draft as Pod, [...validateResize(draft as Pod, old as Pod)]),
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

function refuse(pod: Pod, causes: readonly FieldError[]): void {
  if (causes.length > 0) throw invalid(pods, pod.metadata.name, causes);
}
