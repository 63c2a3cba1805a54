import type { WatchingParts } from '#agent/settings.ts';
import { namespaces, networkPolicies, nodes, pods } from '#agent/api/resources.ts';
import type { Namespace, Node, Pod } from '#shared/api/types/core-v1.ts';
import type { NetworkPolicy } from '#shared/api/types/networking-v1.ts';
import { Informer } from '#shared/client/informer.ts';
import { isSimulated } from '#shared/kube/simulated-nodes.ts';

export interface NetworkWatcher {
  /** A node's ranges or addresses. */
  nodesChanged(): void;
  podGone(pod: Pod): void;
  /** Anything that decides what policies mean. */
  policiesChanged(): void;
}

export interface WatchedNetwork extends AsyncDisposable {
  readonly nodesSynced: Promise<void>;
  readonly policiesSynced: Promise<unknown>;
  node(name: string): Node | undefined;
  /** Those that are machines: simulated ones have no network. */
  nodes(): Iterable<Node>;
  pods(): Iterable<Pod>;
  namespaces(): Iterable<Namespace>;
  policies(): Iterable<NetworkPolicy>;
  subscribe(watcher: NetworkWatcher): Disposable;
}

/** What a node's network depends on; pods and policies are nobody else's, and end with it. */
export function watchNetwork(parts: Omit<WatchingParts, 'settings'>): WatchedNetwork {
  const stack = new AsyncDisposableStack();
  const { cluster, informers, clock, log } = parts;
  const options = { cluster, clock, log };
  const nodeInformer = informers.of(nodes);
  const namespaceInformer = informers.of(namespaces);
  const podInformer = stack.use(new Informer({ ...options, resource: pods }));
  const policyInformer = stack.use(new Informer({ ...options, resource: networkPolicies }));
  const forPolicies = [podInformer, namespaceInformer, policyInformer];
  return {
    nodesSynced: nodeInformer.synced,
    policiesSynced: Promise.all(forPolicies.map(({ synced }) => synced)),
    node: (name) => nodeInformer.get(name),
    nodes: () => [...nodeInformer.values()].filter((node) => !isSimulated(node)),
    pods: () => podInformer.values(),
    namespaces: () => namespaceInformer.values(),
    policies: () => policyInformer.values(),
    subscribe(watcher) {
      const subscriptions = new DisposableStack();
      const when = <T>(of: (object: T) => unknown, tell: () => void) => {
        return ({ before, after }: { before: T | undefined; after: T | undefined }): void => {
          if (!before || !after || JSON.stringify(of(before)) !== JSON.stringify(of(after))) tell();
        };
      };
      subscriptions.use(nodeInformer.subscribe(when(networkOfNode, () => watcher.nodesChanged())));
      subscriptions.use(podInformer.subscribe(when(networkOfPod, () => watcher.policiesChanged())));
      subscriptions.use(
        namespaceInformer.subscribe(
          when(
            ({ metadata }) => metadata.labels,
            () => watcher.policiesChanged(),
          ),
        ),
      );
      subscriptions.use(
        policyInformer.subscribe(
          when(
            ({ spec }) => spec,
            () => watcher.policiesChanged(),
          ),
        ),
      );
      return subscriptions;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function networkOfNode({ spec, status }: Node): unknown {
  return [spec.podCIDR, spec.podCIDRs, status.addresses];
}

/** Most of what happens to a pod changes nothing here. */
function networkOfPod({ metadata, spec, status }: Pod): unknown {
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  return [
    metadata.labels,
    spec.nodeName,
    spec.hostNetwork,
    containers.map(({ ports }) => ports),
    status.podIPs ?? status.podIP,
    status.phase === 'Succeeded' || status.phase === 'Failed',
  ];
}
