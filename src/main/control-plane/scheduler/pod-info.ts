import type { Pod } from '#shared/api/types/core-v1.ts';
import { hasPodLevelRequests, podRequests, wholeUnits } from '#shared/kube/pod-requests.ts';
import { affinityTermsOf, noLabels, type AffinityTerms, type Labels } from './affinity-terms.ts';
import type { NodeInfo } from './node-info.ts';
import { resourcesOf, type Resources } from './resources.ts';

export interface HostPort {
  readonly ip: string;
  /** Protocol and port as one value. */
  readonly endpoint: string;
}

/** What a container is taken to ask for where it does not say, when nodes are scored. */
const unstatedRequests = new Map([
  ['cpu', 100],
  ['memory', 200 * 1024 * 1024],
]);
const noPorts: readonly HostPort[] = [];
const noClaims: readonly string[] = [];

/** A pod with all that plugins ask of it again and again, worked out once. */
export class PodInfo {
  /** The newest version of the pod with the same requests. */
  pod: Pod;
  readonly key: string;
  readonly uid: string;
  readonly namespace: string;
  readonly labels: Labels;
  readonly priority: number;
  readonly requests: Resources;
  /** With defaults for containers that ask for nothing. */
  readonly nonZeroMilliCpu: number;
  readonly nonZeroMemory: number;
  readonly terms: AffinityTerms | undefined;
  readonly hostPorts: readonly HostPort[];
  /** Names of the persistent volume claims that the pod's volumes name. */
  readonly claimNames: readonly string[];
  readonly isTerminating: boolean;
  #nodeKey: string | undefined;
  /** Where the pod counts now. */
  node: NodeInfo | undefined;

  constructor(pod: Pod) {
    const { metadata, spec } = pod;
    this.pod = pod;
    this.namespace = metadata.namespace ?? '';
    this.key = `${this.namespace}/${metadata.name ?? ''}`;
    this.uid = metadata.uid ?? this.key;
    this.labels = metadata.labels ?? noLabels;
    this.priority = spec.priority ?? 0;
    const requests = podRequests(pod, { useStatus: true });
    this.requests = resourcesOf(requests);
    const nonZero = nonZeroRequests(pod, requests);
    this.nonZeroMilliCpu = wholeUnits(nonZero.get('cpu') ?? 0);
    this.nonZeroMemory = wholeUnits(nonZero.get('memory') ?? 0);
    this.terms = affinityTermsOf(pod);
    this.hostPorts = hostPortsOf(pod);
    this.claimNames = claimNamesOf(pod);
    this.isTerminating = metadata.deletionTimestamp !== undefined;
  }

  /** Equal for pods that are alike to every plugin which looks at one node alone. */
  get nodeKey(): string {
    if (this.#nodeKey !== undefined) return this.#nodeKey;
    const { milliCpu, memory, ephemeralStorage, scalars } = this.requests;
    const { spec } = this.pod;
    const parts = [milliCpu, memory, ephemeralStorage, this.nonZeroMilliCpu, this.nonZeroMemory];
    const { nodeSelector, affinity, tolerations, nodeName, resources } = spec;
    const rare = {
      scalars: scalars && [...scalars],
      nodeSelector,
      nodeAffinity: affinity?.nodeAffinity,
      tolerations,
      nodeName,
      ports: this.hostPorts.length > 0 ? this.hostPorts : undefined,
      // Pod-level requests leave it to the containers how nodes are scored.
      ...(resources && { containers: [...spec.containers, ...(spec.initContainers ?? [])] }),
    };
    return (this.#nodeKey = `${parts.join(' ')} ${JSON.stringify(rare)}`);
  }

  get name(): string {
    return this.pod.metadata.name ?? '';
  }
}

/** Ports that the pod wants on its node; of init containers only sidecars keep theirs. */
export function hostPortsOf({ spec }: Pod): readonly HostPort[] {
  let ports: HostPort[] | undefined;
  const sidecars = spec.initContainers?.filter(({ restartPolicy }) => restartPolicy === 'Always');
  for (const { ports: wanted } of [...(sidecars ?? []), ...spec.containers]) {
    for (const { hostPort = 0, hostIP, protocol } of wanted ?? []) {
      if (hostPort <= 0) continue;
      ports ??= [];
      ports.push({ ip: hostIP || '0.0.0.0', endpoint: `${protocol || 'TCP'}/${hostPort}` });
    }
  }
  return ports ?? noPorts;
}

function claimNamesOf({ spec }: Pod): readonly string[] {
  if (!spec.volumes) return noClaims;
  const names = spec.volumes.flatMap(({ persistentVolumeClaim }) =>
    persistentVolumeClaim ? [persistentVolumeClaim.claimName] : [],
  );
  return names.length > 0 ? names : noClaims;
}

function nonZeroRequests(
  pod: Pod,
  requests: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  if (!hasPodLevelRequests(pod))
    return podRequests(pod, { useStatus: true, missing: unstatedRequests });
  const missing = new Map([...unstatedRequests].filter(([name]) => !requests.has(name)));
  return missing.size > 0 ? podRequests(pod, { useStatus: true, missing }) : requests;
}
