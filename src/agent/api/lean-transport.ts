import type { Container, Node, Pod } from '#shared/api/types/core-v1.ts';
import type { ApiRequest, Transport, WatchEvent } from '#shared/client/transport.ts';
import type { KubeList, KubeObject } from '#shared/kube/object.ts';

type Lean = (object: KubeObject) => KubeObject;

/**
 * Lists and watches with as much of each object as some part of an agent looks at: what every node of
 * a cluster keeps of all others' nodes and pods is a tenth of what the API says of them. Single
 * objects pass as they are.
 */
export function createLeanTransport(transport: Transport, nodeName: string): Transport {
  return {
    async request(request, options) {
      const answer = await transport.request(request, options);
      if (request.verb !== 'list') return answer;
      const list = answer as KubeList;
      return { ...list, items: list.items.map(leanOf(request, nodeName)) };
    },
    async *watch(request, options) {
      const lean = leanOf(request, nodeName);
      for await (const batch of transport.watch(request, options))
        yield batch.map((event) => leanEvent(event, lean));
    },
  };
}

function leanEvent(event: WatchEvent, lean: Lean): WatchEvent {
  return event.type === 'ERROR' || event.type === 'BOOKMARK'
    ? event
    : { ...event, object: lean(event.object) };
}

function leanOf({ resource }: Pick<ApiRequest, 'resource'>, nodeName: string): Lean {
  if (resource.group === '' && resource.plural === 'pods')
    return (object) => leanPod(unmanaged(object as Pod), nodeName);
  if (resource.group === '' && resource.plural === 'nodes')
    return (object) => leanNode(unmanaged(object as Node), nodeName);
  return unmanaged;
}

/** Without the record of who set which field, often the larger half. */
function unmanaged<T extends KubeObject>(object: T): T {
  const { managedFields: _managedFields, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** Of other nodes' pods: what decides about connections to and from them. */
function leanPod(pod: Pod, nodeName: string): Pod {
  const { metadata, spec, status } = pod;
  if (spec.nodeName === nodeName) return pod;
  const { name, namespace, uid, resourceVersion, labels } = metadata;
  const { phase, podIP, podIPs } = status;
  return {
    ...pod,
    metadata: {
      name,
      uid,
      resourceVersion,
      ...(namespace !== undefined && { namespace }),
      ...(labels && { labels }),
    } as Pod['metadata'],
    spec: {
      containers: spec.containers.map(leanContainer),
      ...(spec.initContainers && { initContainers: spec.initContainers.map(leanContainer) }),
      ...(spec.nodeName !== undefined && { nodeName: spec.nodeName }),
      ...(spec.hostNetwork !== undefined && { hostNetwork: spec.hostNetwork }),
    },
    status: {
      ...(phase !== undefined && { phase }),
      ...(podIP !== undefined && { podIP }),
      ...(podIPs && { podIPs }),
    },
  };
}

function leanContainer({ name, ports, restartPolicy }: Container): Container {
  return {
    name,
    resources: {},
    ...(ports && { ports }),
    ...(restartPolicy !== undefined && { restartPolicy }),
  };
}

/** Of other nodes: where they and their pods are. */
function leanNode(node: Node, nodeName: string): Node {
  const { metadata, spec, status } = node;
  if (metadata.name === nodeName) return node;
  const { name, uid, resourceVersion, labels } = metadata;
  const { podCIDR, podCIDRs } = spec;
  return {
    ...node,
    metadata: { name, uid, resourceVersion, ...(labels && { labels }) } as Node['metadata'],
    spec: { ...(podCIDR !== undefined && { podCIDR }), ...(podCIDRs && { podCIDRs }) },
    status: { ...(status.addresses && { addresses: status.addresses }) } as Node['status'],
  };
}
