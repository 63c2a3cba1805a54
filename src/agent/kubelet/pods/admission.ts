import type { Node, Pod } from '#shared/api/types/core-v1.ts';
import { requiredNodeTest } from '#shared/kube/node-selection.ts';
import { podRequests } from '#shared/kube/pod-requests.ts';
import { quantityMilliValue, quantityValue } from '#shared/kube/quantity.ts';
import { findUntoleratedTaint } from '#shared/kube/tolerations.ts';
import { qualityOfService } from '../containers/quality-of-service.ts';
import type { Verdict } from '../status/pod-status.ts';
import { allContainers, isCritical, isStatic } from './pod-containers.ts';
import { sysctlName } from './sandbox-config.ts';

export interface AdmissionSources {
  readonly node: Pick<Node, 'metadata' | 'spec'> | undefined;
  readonly allocatable: Readonly<Record<string, string>>;
  /** The pods that hold resources of the node already. */
  readonly others: Iterable<Pod>;
  readonly hasGroupsPolicy: boolean;
  readonly hasAppArmor: boolean;
  /** What the node is short of. */
  readonly pressures: readonly string[];
}

/** Why this node does not run the pod; `undefined` if it does. In upstream's order and words. */
export function refusalOf(pod: Pod, sources: AdmissionSources): Verdict | undefined {
  return (
    pressureRefusal(pod, sources) ??
    wrongSystem(pod) ??
    appArmorRefusal(pod, sources) ??
    groupsRefusal(pod, sources) ??
    sysctlRefusal(pod) ??
    resourceRefusal(pod, sources) ??
    placeRefusal(pod, sources)
  );
}

/** Short of memory alone, it takes pods that say how much they need, and those that put up with it. */
function pressureRefusal(pod: Pod, { pressures }: AdmissionSources): Verdict | undefined {
  if (pressures.length === 0 || isCritical(pod)) return undefined;
  if (pressures.every((one) => one === 'MemoryPressure')) {
    if (qualityOfService(pod) !== 'BestEffort') return undefined;
    const taint = { key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule' } as const;
    if (!findUntoleratedTaint([taint], pod.spec.tolerations)) return undefined;
  }
  return { reason: 'Evicted', message: `The node had condition: [${pressures.join(' ')}]. ` };
}

function wrongSystem({ spec }: Pod): Verdict | undefined {
  if (spec.os && spec.os.name !== 'linux')
    return {
      reason: 'PodOSNotSupported',
      message: "Failed to admit pod as the OS field doesn't match node OS",
    };
  const selected = spec.nodeSelector?.['kubernetes.io/os'];
  if (selected !== undefined && selected !== 'linux')
    return {
      reason: 'PodOSSelectorNodeLabelDoesNotMatch',
      message: "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
    };
  return undefined;
}

function appArmorRefusal(pod: Pod, { hasAppArmor }: AdmissionSources): Verdict | undefined {
  if (hasAppArmor) return undefined;
  const profiles = [
    pod.spec.securityContext?.appArmorProfile,
    ...allContainers(pod).map(({ container }) => container.securityContext?.appArmorProfile),
  ];
  const isAsked = profiles.some((profile) => profile && profile.type !== 'Unconfined');
  if (!isAsked) return undefined;
  return {
    reason: 'AppArmor',
    message: 'Cannot enforce AppArmor: AppArmor is not enabled on the host',
  };
}

function groupsRefusal(pod: Pod, { hasGroupsPolicy }: AdmissionSources): Verdict | undefined {
  const policy = pod.spec.securityContext?.supplementalGroupsPolicy;
  if (policy !== 'Strict' || hasGroupsPolicy) return undefined;
  return {
    reason: 'SupplementalGroupsPolicyNotSupported',
    message: `SupplementalGroupsPolicy=${policy} is not supported in this node`,
  };
}

/** Those that act within the pod alone. */
const safeSysctls: ReadonlySet<string> = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
]);

function sysctlRefusal({ spec }: Pod): Verdict | undefined {
  for (const { name } of spec.securityContext?.sysctls ?? []) {
    const plain = sysctlName(name);
    const why = sysctlProblem(plain, spec);
    if (why) return { reason: 'SysctlForbidden', message: `forbidden sysctl: "${plain}" ${why}` };
  }
  return undefined;
}

function sysctlProblem(name: string, spec: Pod['spec']): string | undefined {
  if (!safeSysctls.has(name)) return 'not allowlisted';
  if (name.startsWith('net.') && spec.hostNetwork) return 'not allowed with host net enabled';
  if (name.startsWith('kernel.shm') && spec.hostIPC) return 'not allowed with host ipc enabled';
  return undefined;
}

/** CPU in thousandths, the rest in whole units. */
function resourceRefusal(pod: Pod, { allocatable, others }: AdmissionSources): Verdict | undefined {
  const used = new Map<string, number>([['pods', 0]]);
  const all = [...others];
  for (const other of all)
    for (const [name, amount] of podRequests(other)) used.set(name, (used.get(name) ?? 0) + amount);
  const wanted = new Map([['pods', 1], ...podRequests(pod)]);
  used.set('pods', all.length);
  if (isStatic(pod) && isCritical(pod)) return undefined;
  for (const [name, amount] of wanted) {
    const text = allocatable[name];
    // An extended resource that the node does not have at all is nobody's to give.
    if (text === undefined || amount === 0) continue;
    const capacity = name === 'cpu' ? quantityMilliValue(text) : quantityValue(text);
    const taken = used.get(name) ?? 0;
    if (taken + amount <= capacity) continue;
    return {
      reason: `OutOf${name}`,
      message: `Node didn't have enough resource: ${name}, requested: ${amount}, used: ${taken}, capacity: ${capacity}`,
    };
  }
  return undefined;
}

function placeRefusal(pod: Pod, { node, others }: AdmissionSources): Verdict | undefined {
  if (!node) return undefined;
  const isChosen = requiredNodeTest(pod.spec)?.(node) ?? true;
  if (!isChosen && !isStatic(pod))
    return {
      reason: 'NodeAffinity',
      message: "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
    };
  if (portConflict(pod, others))
    return {
      reason: 'NodePorts',
      message:
        "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
    };
  const taints = (node.spec.taints ?? []).filter(({ effect }) => effect === 'NoExecute');
  const untolerated = findUntoleratedTaint(taints, pod.spec.tolerations);
  if (untolerated && !isStatic(pod))
    return {
      reason: 'TaintToleration',
      message: `Predicate TaintToleration failed: node(s) had untolerated taint {${untolerated.key}: ${untolerated.value ?? ''}}`,
    };
  return undefined;
}

function portConflict(pod: Pod, others: Iterable<Pod>): boolean {
  const taken = [...others].flatMap(hostPorts);
  return hostPorts(pod).some((port) =>
    taken.some(
      (other) =>
        other.hostPort === port.hostPort &&
        other.protocol === port.protocol &&
        (other.hostIP === port.hostIP || isAny(other.hostIP) || isAny(port.hostIP)),
    ),
  );
}

function hostPorts(pod: Pod) {
  return pod.spec.containers.flatMap(({ ports = [] }) =>
    ports
      .filter(({ hostPort }) => hostPort !== undefined && hostPort > 0)
      .map(({ hostPort, protocol = 'TCP', hostIP = '' }) => ({ hostPort, protocol, hostIP })),
  );
}

function isAny(address: string): boolean {
  return address === '' || address === '0.0.0.0' || address === '::';
}
