import type { DaemonSet } from '#shared/api/types/apps-v1.ts';
import type { Affinity, Node, Pod, PodSpec, Toleration } from '#shared/api/types/core-v1.ts';
import { requiredNodeTest, type NodeTest } from '#shared/kube/node-selection.ts';
import { isTolerated } from '#shared/kube/tolerations.ts';

/** What every daemon bears, by upstream's AddOrUpdateDaemonPodTolerations. */
const borne: readonly Toleration[] = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
];
const borneOnHostNetwork: Toleration = {
  key: 'node.kubernetes.io/network-unavailable',
  operator: 'Exists',
  effect: 'NoSchedule',
};

/** The spec's tolerations and the daemon's own; one that is there already takes its place. */
export function daemonTolerations(
  spec: Pick<PodSpec, 'tolerations' | 'hostNetwork'>,
): readonly Toleration[] {
  const tolerations = [...(spec.tolerations ?? [])];
  for (const own of spec.hostNetwork ? [...borne, borneOnHostNetwork] : borne) {
    const at = tolerations.findIndex(
      ({ key, operator, effect, value }) =>
        key === own.key && operator === own.operator && effect === own.effect && !value,
    );
    if (at < 0) tolerations.push(own);
    else tolerations[at] = own;
  }
  return tolerations;
}

export interface Fit {
  /** A new daemon belongs on the node. */
  readonly shouldRun: boolean;
  /** One that is there may stay. */
  readonly mayStay: boolean;
}

const nowhere: Fit = { shouldRun: false, mayStay: false };

/** Whether a set's daemons belong on a node, compiled once per set: NodeShouldRunDaemonPod. */
export function nodeFit({ spec: { template } }: DaemonSet): (node: Node) => Fit {
  const spec = template.spec ?? ({} as PodSpec);
  const isSelected: NodeTest = requiredNodeTest(spec) ?? (() => true);
  const tolerations = daemonTolerations(spec);
  return (node) => {
    if (spec.nodeName && spec.nodeName !== node.metadata.name) return nowhere;
    if (!isSelected(node)) return nowhere;
    const repelling = (node.spec.taints ?? []).filter(
      (taint) =>
        (taint.effect === 'NoExecute' || taint.effect === 'NoSchedule') &&
        !isTolerated(taint, tolerations),
    );
    if (repelling.length === 0) return { shouldRun: true, mayStay: true };
    return { shouldRun: false, mayStay: !repelling.some(({ effect }) => effect === 'NoExecute') };
  };
}

/** The affinity that binds a daemon to its node; other required terms make way. */
export function pinnedTo(affinity: Affinity | undefined, nodeName: string): Affinity {
  const nodeSelectorTerms = [
    { matchFields: [{ key: 'metadata.name', operator: 'In', values: [nodeName] }] },
  ];
  return {
    ...affinity,
    nodeAffinity: {
      ...affinity?.nodeAffinity,
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms },
    },
  };
}

/** The node that a daemon is on or is pinned to. */
export function targetNode({ spec }: Pod): string | undefined {
  if (spec.nodeName) return spec.nodeName;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  for (const { matchFields = [] } of required?.nodeSelectorTerms ?? [])
    for (const { key, operator, values } of matchFields)
      if (key === 'metadata.name' && operator === 'In')
        return values?.length === 1 ? values[0] : undefined;
  return undefined;
}
