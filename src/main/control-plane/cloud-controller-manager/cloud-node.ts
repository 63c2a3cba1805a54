import { conditionOf } from '#main/control-plane/controller-manager/conditions.ts';
import { isEqual } from '#main/control-plane/controller-manager/values.ts';
import { nodes } from '#shared/api/core/node.ts';
import type { Node, Taint } from '#shared/api/types/core-v1.ts';
import { controller, type Controller, type ReconcileContext } from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { Machine, Machines } from '#shared/kube/machines.ts';
import { isSimulated } from '#shared/kube/simulated-nodes.ts';

const scheme = 'pilothouse://';
const uninitialized = 'node.cloudprovider.kubernetes.io/uninitialized';
const shutdown = 'node.cloudprovider.kubernetes.io/shutdown';
/** A kubelet that was started for a cloud leaves the node's addresses to us, and says so. */
const providedIp = 'alpha.kubernetes.io/provided-node-ip';

/**
 * Tells nodes what is known of their machines, and removes those whose machine has left the cluster:
 * upstream's cloud-node-controller and cloud-node-lifecycle-controller.
 */
export function createCloudNodeController(machines: Machines): Controller<Node> {
  return controller<Node>({
    name: 'cloud-node-controller',
    watches: nodes,
    follows: (wake) => machines.subscribe(wake),
    async reconcile(node, context) {
      if (isSimulated(node)) return;
      const machine = machines.find(node.metadata.name);
      if (!machine) return await removeIfOurs(node, context);
      const known = await initialize(node, machine, context);
      await writeAddresses(known, machine, { isNew: known !== node, context });
      await markShutdown(known, machine, context);
    },
  });
}

/** A node that is still ready is left alone, as upstream does: its machine cannot be gone. */
async function removeIfOurs(node: Node, { cluster, events }: ReconcileContext): Promise<void> {
  const { name, uid } = node.metadata;
  if (!node.spec.providerID?.startsWith(scheme) || isReady(node)) return;
  const message = `Deleting node ${name} because it does not exist in the cloud provider`;
  events.record(node, 'Normal', 'DeletingNode', message);
  try {
    await cluster.delete(nodes, { name }, { preconditions: { uid } });
  } catch (error) {
    if (!ApiError.is(error, 'NotFound')) throw error;
  }
}

/** Provider ID and labels, and the end of the taint that waits for them. */
async function initialize(
  node: Node,
  machine: Machine,
  { cluster, events }: ReconcileContext,
): Promise<Node> {
  const { metadata, spec } = node;
  const isWaiting = spec.taints?.some(({ key }) => key === uninitialized) ?? false;
  if (!isWaiting && spec.providerID) return node;
  const taints = spec.taints?.filter(({ key }) => key !== uninitialized) ?? [];
  const body = {
    metadata: {
      resourceVersion: metadata.resourceVersion,
      labels: { ...labelsOf(machine), ...(isWaiting ? {} : metadata.labels) },
    },
    spec: {
      providerID: spec.providerID || `${scheme}${machine.id}`,
      ...(isWaiting && { taints: taints.length > 0 ? taints : null }),
    },
  };
  const known = await cluster.patch(nodes, { name: metadata.name }, { type: 'merge', body });
  if (isWaiting) events.record(node, 'Normal', 'Synced', 'Node synced successfully');
  return known;
}

/** Pure: what upstream derives from an instance, under the old names as well. */
export function labelsOf({ type, zone, region }: Machine): Readonly<Record<string, string>> {
  return {
    ...(type !== undefined && {
      'beta.kubernetes.io/instance-type': type,
      'node.kubernetes.io/instance-type': type,
    }),
    ...(zone !== undefined && {
      'failure-domain.beta.kubernetes.io/zone': zone,
      'topology.kubernetes.io/zone': zone,
    }),
    ...(region !== undefined && {
      'failure-domain.beta.kubernetes.io/region': region,
      'topology.kubernetes.io/region': region,
    }),
  };
}

async function writeAddresses(
  { metadata, status }: Node,
  machine: Machine,
  { isNew, context }: { readonly isNew: boolean; readonly context: ReconcileContext },
): Promise<void> {
  const known = status.addresses ?? [];
  const isOurs = metadata.annotations?.[providedIp] !== undefined;
  if (!isOurs && !(isNew && known.length === 0)) return;
  const wanted = [...machine.addresses];
  const hostName = known.find(({ type }) => type === 'Hostname');
  if (hostName && !wanted.some(({ type }) => type === 'Hostname'))
    wanted.push({ type: 'Hostname', address: hostName.address });
  if (wanted.length === 0 || isEqual(wanted, known)) return;
  const body = { status: { addresses: wanted } };
  const patch = { type: 'merge', body, subresource: 'status' } as const;
  await context.cluster.patch(nodes, { name: metadata.name }, patch);
}

/** A machine that was switched off on purpose is tainted as such, until it is ready again. */
async function markShutdown(
  node: Node,
  { state }: Machine,
  { cluster }: ReconcileContext,
): Promise<void> {
  const { metadata, spec } = node;
  const isDown = state === 'stopped' && !isReady(node);
  const taints = spec.taints ?? [];
  if (taints.some(({ key }) => key === shutdown) === isDown) return;
  const others = taints.filter(({ key }) => key !== shutdown);
  const mark: Taint = { key: shutdown, effect: 'NoSchedule' };
  const wanted = isDown ? [...others, mark] : others;
  const body = {
    metadata: { resourceVersion: metadata.resourceVersion },
    spec: { taints: wanted.length > 0 ? wanted : null },
  };
  await cluster.patch(nodes, { name: metadata.name }, { type: 'merge', body });
}

function isReady({ status }: Node): boolean {
  return conditionOf(status.conditions, 'Ready')?.status === 'True';
}
