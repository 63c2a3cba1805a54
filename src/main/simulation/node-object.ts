import { createHash } from 'node:crypto';
import { nodeAddress, podRange } from '#main/simulation/addresses.ts';
import type { Lease } from '#shared/api/types/coordination-v1.ts';
import type { Node, NodeCondition } from '#shared/api/types/core-v1.ts';
import type { New } from '#shared/kube/object.ts';
import { isSimulated, simulatedLabel } from '#shared/kube/simulated-nodes.ts';

export const leaseNamespace = 'kube-node-lease';
const leaseSeconds = 40;

export function nodeName(index: number): string {
  return `simulated-${index + 1}`;
}

/** Which simulated node this is; nothing for any other. */
export function nodeIndex(node: Node): number | undefined {
  if (!isSimulated(node)) return undefined;
  const [, number] = /^simulated-(\d+)$/.exec(node.metadata.name) ?? [];
  return number === undefined ? undefined : Number(number) - 1;
}

const capacity = {
  cpu: '8',
  memory: '32Gi',
  pods: '110',
  'ephemeral-storage': '100Gi',
  'hugepages-1Gi': '0',
  'hugepages-2Mi': '0',
};

/** The node as its kubelet registers it, ready from the first moment. */
export function nodeObject(index: number, kubeletVersion: string, time: string): New<Node> {
  const name = nodeName(index);
  return {
    metadata: {
      name,
      labels: {
        'beta.kubernetes.io/arch': 'amd64',
        'beta.kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'node.kubernetes.io/instance-type': 'simulated',
        [simulatedLabel]: 'true',
      },
      annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
    },
    spec: { podCIDR: podRange(index), podCIDRs: [podRange(index)] },
    status: nodeStatus(name, { index, kubeletVersion, time }),
  };
}

function nodeStatus(
  name: string,
  { index, kubeletVersion, time }: { index: number; kubeletVersion: string; time: string },
): Node['status'] {
  const id = createHash('sha256').update(name).digest('hex');
  const uuid = id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/, '$1-$2-$3-$4-$5');
  return {
    capacity,
    allocatable: capacity,
    conditions: nodeConditions(time),
    addresses: [
      { type: 'InternalIP', address: nodeAddress(index) },
      { type: 'Hostname', address: name },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
    nodeInfo: {
      machineID: id.slice(0, 32),
      systemUUID: uuid,
      bootID: uuid,
      kernelVersion: 'simulated',
      osImage: 'Simulated node: runs no containers',
      containerRuntimeVersion: 'simulated://1',
      kubeletVersion,
      kubeProxyVersion: '',
      operatingSystem: 'linux',
      architecture: 'amd64',
    },
  };
}

const healthy = [
  [
    'MemoryPressure',
    'False',
    'KubeletHasSufficientMemory',
    'kubelet has sufficient memory available',
  ],
  ['DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
  ['PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
  ['Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'],
] as const;

/** All well at this time; a condition that did not change keeps when it last did. */
export function nodeConditions(
  time: string,
  before: readonly NodeCondition[] = [],
): readonly NodeCondition[] {
  const own = healthy.map(([type, status, reason, message]) => {
    const earlier = before.find((condition) => condition.type === type);
    const since = earlier?.status === status ? earlier.lastTransitionTime : undefined;
    const lastTransitionTime = since ?? time;
    return { type, status, lastHeartbeatTime: time, lastTransitionTime, reason, message };
  });
  const others = before.filter(({ type }) => !healthy.some(([name]) => name === type));
  return [...own, ...others];
}

export function leaseObject(node: Node, renewTime: string): New<Lease> {
  const { name, uid } = node.metadata;
  return {
    metadata: {
      name,
      namespace: leaseNamespace,
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid }],
    },
    spec: { holderIdentity: name, leaseDurationSeconds: leaseSeconds, renewTime },
  };
}
