import type { NodeConnector } from '#main/control-plane/apiserver/node-connector.ts';
import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import { cacheOf } from '#main/control-plane/apiserver/registry/storage-of.ts';
import type { ResourceRequest } from '#main/control-plane/apiserver/request/resource-request.ts';
import type { Container, Pod } from '#shared/api/types/core-v1.ts';
import { ApiError, notFound } from '#shared/kube/errors.ts';

/** The pod that a subresource is asked of. */
export function podOf({ served, namespace, name }: ResourceRequest): Pod {
  const entry = cacheOf(served).get(namespace, name);
  if (!entry) throw notFound(served.resource, name);
  return entry.object as Pod;
}

/** The container that is named, or the only one, or the one that an annotation makes the default. */
export function containerOf({ metadata, spec }: Pod, wanted: string | undefined): string {
  const named = (containers: readonly Pick<Container, 'name'>[] | undefined): string[] =>
    (containers ?? []).map(({ name }) => name);
  const containers = named(spec.containers);
  const initContainers = named(spec.initContainers);
  const all = [...containers, ...initContainers, ...named(spec.ephemeralContainers)];
  if (wanted) {
    if (all.includes(wanted)) return wanted;
    throw new ApiError('BadRequest', `container ${wanted} is not valid for pod ${metadata.name}`);
  }
  const preferred = metadata.annotations?.['kubectl.kubernetes.io/default-container'];
  if (preferred && all.includes(preferred)) return preferred;
  const [only] = containers;
  if (containers.length === 1 && only) return only;
  const choice = `a container name must be specified for pod ${metadata.name}, choose one of: [${containers.join(' ')}]`;
  const more =
    initContainers.length > 0
      ? ` or one of the init containers: [${initContainers.join(' ')}]`
      : '';
  throw new ApiError('BadRequest', choice + more);
}

export function connectorOf(core: Core, node: string): NodeConnector {
  if (core.nodes) return core.nodes;
  throw new ApiError('ServiceUnavailable', `there is no way from this server to node ${node}`);
}
