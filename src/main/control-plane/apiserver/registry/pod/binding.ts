import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import { timestamp } from '#main/control-plane/apiserver/registry/metadata.ts';
import { readPosted, success } from '#main/control-plane/apiserver/registry/post.ts';
import { cacheOf } from '#main/control-plane/apiserver/registry/storage-of.ts';
import type { ServedResource } from '#main/control-plane/apiserver/catalog.ts';
import type {
  ResourceRequest,
  ResourceResponse,
} from '#main/control-plane/apiserver/request/resource-request.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { Binding, Pod } from '#shared/api/types/core-v1.ts';
import type { Entry } from '#main/control-plane/apiserver/storage/entry.ts';
import { ApiError, conflict, notFound } from '#shared/kube/errors.ts';
import type { Draft } from '#shared/kube/object.ts';

const bindingType = { type: 'core.v1.Binding', apiVersion: 'v1', kind: 'Binding' };

/** Puts a pod on a node: a post to its `binding`, or to `bindings` of the namespace. */
export async function bind(request: ResourceRequest, core: Core): Promise<ResourceResponse> {
  const {
    object: binding,
    isDryRun,
    consent,
  } = await readPosted<Binding>(request, core, bindingType);
  const name = request.name || binding.metadata.name;
  if (request.name && binding.metadata.name && binding.metadata.name !== request.name) {
    throw new ApiError('BadRequest', 'name in URL does not match name in Binding object');
  }
  checkTarget(binding);
  const served = core.catalog.of(pods);
  if (!served) throw notFound(pods, name);
  await consent();
  await assign({ core, served, isDryRun }, { namespace: request.namespace, name }, binding);
  return success(201);
}

function checkTarget({ target }: Draft<Binding>): void {
  if (target.kind && target.kind !== 'Node') {
    throw new ApiError(
      '',
      `target.kind: Unsupported value: ${JSON.stringify(target.kind)}: supported values: "Node", "<empty>"`,
    );
  }
  if (!target.name) throw new ApiError('', 'target.name: Required value');
}

interface Assignment {
  readonly core: Core;
  readonly served: ServedResource;
  readonly isDryRun: boolean;
}

async function assign(
  { core, served, isDryRun }: Assignment,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  binding: Draft<Binding>,
): Promise<void> {
  const cache = cacheOf(served);
  let current: Entry | undefined = cache.get(namespace, name);
  for (;;) {
    if (!current) throw notFound(pods, name);
    const pod = current.object as Pod;
    checkAssignable(pod, binding);
    if (isDryRun) return;
    const result = await core.objects.update(cache, current, assigned(pod, binding, core));
    if (result.isWritten) return;
    current = result.current;
  }
}

function checkAssignable({ metadata, spec }: Pod, binding: Draft<Binding>): void {
  const { name, uid, resourceVersion } = metadata;
  const wanted = binding.metadata;
  if (wanted.uid && wanted.uid !== uid) {
    throw refused(
      name,
      `Precondition failed: UID in precondition: ${wanted.uid}, UID in object meta: ${uid}`,
    );
  }
  if (wanted.resourceVersion && wanted.resourceVersion !== resourceVersion) {
    throw refused(
      name,
      'the object has been modified; please apply your changes to the latest version and try again',
    );
  }
  if (metadata.deletionTimestamp) {
    throw refused(name, `pod ${name} is being deleted, cannot be assigned to a host`);
  }
  if (spec.nodeName)
    throw refused(name, `pod ${name} is already assigned to node "${spec.nodeName}"`);
  if (spec.schedulingGates?.length) {
    throw refused(name, `pod ${name} has non-empty .spec.schedulingGates`);
  }
}

function refused(name: string, why: string): ApiError {
  return conflict({ group: '', plural: 'pods/binding' }, name, why);
}

function assigned(pod: Pod, { target, metadata }: Draft<Binding>, { clock }: Core): Draft<Pod> {
  const old = pod as Draft<Pod>;
  // Bound, a pod expects no other place any more.
  const { nominatedNodeName: _, ...status } = old.status;
  const annotations = { ...old.metadata.annotations, ...metadata.annotations };
  const labels = { ...metadata.labels, ...old.metadata.labels };
  const conditions = old.status?.conditions ?? [];
  const before = conditions.find(({ type }) => type === 'PodScheduled');
  const scheduled = {
    type: 'PodScheduled',
    ...(old.metadata.generation && { observedGeneration: old.metadata.generation }),
    status: 'True',
    lastProbeTime: null as never,
    lastTransitionTime:
      (before?.status === 'True' && before.lastTransitionTime) || timestamp(clock),
  };
  return {
    ...old,
    metadata: {
      ...old.metadata,
      ...(Object.keys(annotations).length > 0 && { annotations }),
      ...(Object.keys(labels).length > 0 && { labels }),
    },
    spec: { ...old.spec, nodeName: target.name! },
    status: {
      ...status,
      conditions: [...conditions.filter((condition) => condition !== before), scheduled],
    },
  };
}
