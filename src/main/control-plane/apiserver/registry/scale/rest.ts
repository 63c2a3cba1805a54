import { prepareViews } from '#main/control-plane/apiserver/storage/entry.ts';
import { codecOf } from '#main/control-plane/apiserver/registry/built-in-codec.ts';
import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import { decodeBody } from '#main/control-plane/apiserver/registry/decode-body.ts';
import type { KindRest } from '#main/control-plane/apiserver/registry/kind-rest.ts';
import { patchedObject } from '#main/control-plane/apiserver/registry/patch.ts';
import { cacheOf } from '#main/control-plane/apiserver/registry/storage-of.ts';
import {
  checkIdentity,
  updateObject,
  wholeObject,
} from '#main/control-plane/apiserver/registry/update.ts';
import type {
  ResourceRequest,
  ResourceResponse,
} from '#main/control-plane/apiserver/request/resource-request.ts';
import {
  parseWriteOptions,
  type WriteOptions,
} from '#main/control-plane/apiserver/request/write-options.ts';
import type { Scale } from '#shared/api/types/autoscaling-v1.ts';
import { invalid, notFound, type FieldError } from '#shared/kube/errors.ts';
import { invalidValue } from '#shared/kube/field-error.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';

/** What one kind calls the numbers of its scale. */
export interface ScaleShape {
  replicas(object: KubeObject): number;
  currentReplicas(object: KubeObject): number;
  /** In the string form of a label selector. */
  selector(object: KubeObject): string;
  setReplicas(draft: Draft<KubeObject>, replicas: number): void;
}

const codec = codecOf({
  type: 'autoscaling.v1.Scale',
  apiVersion: 'autoscaling/v1',
  kind: 'Scale',
  default(draft) {
    (draft as Draft<Scale>).spec ??= {};
  },
});

/** The `scale` subresource: the object seen as nothing but a number of replicas. */
export function scaleHandlers(shape: ScaleShape): NonNullable<KindRest['handlers']> {
  return {
    async 'get/scale'(request) {
      const { served, namespace, name } = request;
      const entry = cacheOf(served).get(namespace, name);
      if (!entry) throw notFound(served.resource, name);
      await prepareViews(served.form, [entry]);
      return answer(scaleOf(shape, entry.as(served.form).object));
    },
    'update/scale': (request, core) =>
      write({ request, core, shape }, parseWriteOptions('UpdateOptions', request.query)),
    'patch/scale': (request, core) =>
      write({ request, core, shape }, parseWriteOptions('PatchOptions', request.query)),
  };
}

interface Scaling {
  readonly request: ResourceRequest;
  readonly core: Core;
  readonly shape: ScaleShape;
}

async function write(
  { request, core, shape }: Scaling,
  options: WriteOptions,
): Promise<ResourceResponse> {
  const context = { request, core, options, strategy: wholeObject, canCreate: false };
  const { entry } = await updateObject(context, (live) => {
    const scale = wanted(request, options, scaleOf(shape, live!));
    checkIdentity(scale.metadata, request);
    const causes = [...problems(scale)];
    if (causes.length > 0)
      throw invalid({ group: 'autoscaling', kind: 'Scale' }, scale.metadata.name, causes);
    const draft = structuredClone(live) as Draft<KubeObject>;
    shape.setReplicas(draft, scale.spec?.replicas ?? 0);
    if (scale.metadata.resourceVersion)
      draft.metadata.resourceVersion = scale.metadata.resourceVersion;
    if (scale.metadata.uid) draft.metadata.uid = scale.metadata.uid;
    return draft;
  });
  return answer(scaleOf(shape, entry.object));
}

function wanted(request: ResourceRequest, options: WriteOptions, live: Scale): Draft<Scale> {
  const served = { ...request.served, codec };
  if (request.verb !== 'patch') return decodeBody({ ...request, served }, options) as Draft<Scale>;
  const patched = patchedObject({ ...request, served }, live);
  return codec.decode({ value: patched }, { isStrict: false }).object as Draft<Scale>;
}

function* problems({ spec }: Draft<Scale>): Iterable<FieldError> {
  const replicas = spec?.replicas ?? 0;
  if (replicas < 0) {
    yield invalidValue('spec.replicas', replicas, 'must be greater than or equal to 0');
  }
}

function scaleOf(shape: ScaleShape, object: KubeObject): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const replicas = shape.replicas(object);
  const selector = shape.selector(object);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, ...(namespace && { namespace }), uid, resourceVersion, creationTimestamp },
    spec: { ...(replicas !== 0 && { replicas }) },
    status: { replicas: shape.currentReplicas(object), ...(selector && { selector }) },
  };
}

function answer(object: Scale): ResourceResponse {
  return { type: 'object', code: 200, object };
}
