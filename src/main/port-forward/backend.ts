import type { Pod, Service } from '#shared/api/types/core-v1.ts';
import type { HttpTransport } from '#shared/client/http-transport.ts';
import type { ForwardTarget } from '#shared/contract/containers.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { KubeList, KubeObject } from '#shared/kube/object.ts';
import { selectorOf, selectorOfSet, type Selector } from '#shared/kube/selectors.ts';
import type { LabelSelector } from '#shared/kube/types/meta-v1.ts';

/** Where a connection goes now. */
export interface Backend {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
}

interface Workload extends KubeObject {
  readonly spec: { readonly selector: LabelSelector };
}

/**
 * The pod that a connection should go to at this moment: of a workload or a Service any that is
 * ready, the one of last time if it still is. Throws saying what is missing.
 */
export async function backendOf(
  api: HttpTransport,
  target: ForwardTarget,
  { port, last }: { readonly port: number; readonly last: string | undefined },
): Promise<Backend> {
  const { kind, namespace, name } = target;
  if (kind === 'pods') return { namespace, pod: name, port };
  const object = await get(api, target);
  const selector =
    kind === 'services'
      ? selectorOfSet((object as unknown as Service).spec.selector)
      : selectorOf((object as Workload).spec.selector);
  const pod = await readyPod(api, { target, selector, last });
  const targetPort =
    kind === 'services' ? podPortOf(object as unknown as Service, pod, port) : port;
  return { namespace, pod: pod.metadata.name, port: targetPort };
}

async function get(
  api: HttpTransport,
  { kind, namespace, name }: ForwardTarget,
): Promise<KubeObject> {
  const group = kind === 'services' ? '' : 'apps';
  const resource = { group, version: 'v1', plural: kind };
  return (await api.request({ verb: 'get', resource, namespace, name })) as KubeObject;
}

async function readyPod(
  api: HttpTransport,
  wanted: {
    readonly target: ForwardTarget;
    readonly selector: Selector;
    readonly last: string | undefined;
  },
): Promise<Pod> {
  const { target, selector, last } = wanted;
  const { namespace, kind, name } = target;
  const resource = { group: '', version: 'v1', plural: 'pods' };
  const { items } = (await api.request({ verb: 'list', resource, namespace })) as KubeList<Pod>;
  const ready = items.filter((pod) => selector.matches(pod.metadata.labels) && isReady(pod));
  const pod = ready.find(({ metadata }) => metadata.name === last) ?? ready[0];
  if (pod && !selector.isEverything) return pod;
  throw new ApiError(
    'ServiceUnavailable',
    `No pod of ${kind.replace(/s$/, '')} ${namespace}/${name} is ready; see why on its page`,
  );
}

function isReady({ metadata, status }: Pod): boolean {
  const isLeaving = metadata.deletionTimestamp !== undefined;
  return (
    !isLeaving &&
    (status.conditions ?? []).some(
      ({ type, status: value }) => type === 'Ready' && value === 'True',
    )
  );
}

/** What a Service's port is called or numbered in the pod. */
function podPortOf({ spec }: Service, pod: Pod, port: number): number {
  const { targetPort = port } = spec.ports?.find((each) => each.port === port) ?? {};
  if (typeof targetPort === 'number') return targetPort;
  const named = pod.spec.containers
    .flatMap(({ ports = [] }) => ports)
    .find((each) => each.name === targetPort);
  if (named) return named.containerPort;
  throw new ApiError(
    'BadRequest',
    `Pod ${pod.metadata.namespace}/${pod.metadata.name} has no port named ${targetPort}`,
  );
}
