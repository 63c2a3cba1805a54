import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { leases } from '#shared/api/coordination/lease.ts';
import { events } from '#shared/api/core/event.ts';
import { nodes } from '#shared/api/core/node.ts';
import type { Node, Pod } from '#shared/api/types/core-v1.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import type { Host } from '../support/hosts/host.ts';
import type { Json, KubeJson } from './facts.ts';
import { statusView } from './view.ts';

interface ObservedNode {
  readonly node: Json;
  readonly lease: Json;
  /** Type, reason, component, and whether the uid is the node's own. */
  readonly nodeEvents: readonly Json[];
  readonly staticPod: {
    readonly manifest: KubeJson;
    readonly metadata: Json;
    readonly spec: { readonly [field: string]: Json };
    readonly status: Json;
  };
}

const read = (): ObservedNode =>
  JSON.parse(readFileSync('test/data/kubelet/node.json', 'utf8')) as ObservedNode;

/** What an upstream kubelet said of its node, its lease, and a static pod; as far as it can be compared. */
export function observedNode(): ObservedNode {
  const { node, lease, nodeEvents, staticPod } = read();
  const plain = general(node) as { readonly images: object };
  const { sortedBySizeDescending } = plain.images as { readonly sortedBySizeDescending: boolean };
  return {
    node: { ...plain, images: { sortedBySizeDescending } },
    lease,
    nodeEvents: nodeEvents.filter((one) => !isOfOthers(one)).toSorted(byText),
    staticPod,
  };
}

/** What our kubelet said, in the same form. */
export async function seenNode(
  cluster: Cluster,
  host: Host,
): Promise<Omit<ObservedNode, 'staticPod'>> {
  const { name } = host;
  const node = await cluster.get(nodes, { name });
  const { uid } = node.metadata;
  const lease = await cluster.get(leases, { namespace: 'kube-node-lease', name });
  const { items } = await cluster.list(events, { namespace: 'default' });
  const told = items
    .filter(({ involvedObject }) => involvedObject.kind === 'Node')
    .map(({ type = '', reason = '', source, involvedObject }): Json => [
      type,
      reason,
      source?.component ?? '',
      involvedObject.uid === uid ? 'uid of the node' : 'other uid',
    ]);
  return {
    node: general(hide(nodeView(node), [name, '$NODE'], [host.address, '$NODE_IP'])),
    lease: hide(
      {
        spec: { ...lease.spec, renewTime: '…' },
        ownerReferences: (lease.metadata.ownerReferences ?? []).map((one) => ({
          ...one,
          uid: one.uid === uid ? '…' : 'another',
        })),
      },
      [name, '$NODE'],
    ),
    nodeEvents: told.filter((one) => !isOfOthers(one)).toSorted(byText),
  };
}

function nodeView({ metadata, spec, status }: Node): object {
  const { conditions = [], images = [], nodeInfo } = status;
  const sizes = images.map(({ sizeBytes = 0 }) => sizeBytes);
  const keys = new Set(conditions.flatMap((one) => Object.keys(one)));
  return {
    labels: metadata.labels,
    annotations: metadata.annotations,
    spec,
    capacity: status.capacity,
    allocatable: status.allocatable,
    conditions: conditions.map(({ type, status: is, reason }) => ({ type, status: is, reason })),
    conditionKeys: [...keys].sort(),
    addresses: status.addresses?.map(({ address, type }) => ({ address, type })),
    daemonEndpoints: status.daemonEndpoints,
    nodeInfo: {
      ...nodeInfo,
      bootID: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(nodeInfo.bootID) && 'UUID',
      kernelVersion: nodeInfo.kernelVersion === release() && 'uname -r',
      machineID: /^[0-9a-f]{32}$/.test(nodeInfo.machineID) && '32 hex digits',
      systemUUID: nodeInfo.systemUUID && 'set',
    },
    declaredFeatures: status.declaredFeatures,
    statusKeys: Object.keys(status).sort(),
    images: {
      sortedBySizeDescending:
        sizes.length > 0 && sizes.every((one, at) => one <= (sizes[at - 1] ?? one)),
    },
  };
}

/** Without the amounts that the machine has, and what version of Debian's packages it runs. */
function general(node: Json): Json {
  return JSON.parse(
    JSON.stringify(node, (name, value: Json) => {
      if (typeof value !== 'string') return value;
      if (name === 'cpu') return /^\d+$/.test(value) ? 'N' : value;
      if (name === 'memory' || name === 'ephemeral-storage') return value.replace(/^\d+/, 'N');
      if (name === 'containerRuntimeVersion') return value.replace(/:\/\/[\d.]+.*/, '://N');
      return value;
    }),
  ) as Json;
}

/** kube-proxy and the node controller tell of nodes, too. */
function isOfOthers(event: Json): boolean {
  return (event as readonly Json[])[2] !== 'kubelet';
}

function byText(a: Json, b: Json): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}

function hide(value: unknown, ...names: readonly (readonly [string, string])[]): Json {
  let text = JSON.stringify(value);
  for (const [own, mask] of names) text = text.replaceAll(`"${own}"`, `"${mask}"`);
  return JSON.parse(text) as Json;
}

/** The mirror of a static pod, as the facts keep it. */
export function mirrorView({ metadata, spec, status }: Pod, node: Node): object {
  const { annotations = {}, labels, ownerReferences = [], uid } = metadata;
  const of = (name: string): string => annotations[`kubernetes.io/config.${name}`] ?? '';
  const masked = Object.entries(annotations).map(([key, value]) => [
    key,
    value
      .replace(/^[0-9a-f]{32}$/, '$HASH (32 hex digits)')
      .replace(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/, '$TIME'),
  ]);
  const { phase, qosClass, conditions } = statusView(status, false) as {
    readonly [field: string]: Json;
  };
  const { containers: _, volumes, ...rest } = spec;
  return {
    metadata: hide(
      {
        annotations: Object.fromEntries(masked) as Json,
        labels,
        ownerReferences: ownerReferences.map((one) => ({
          ...one,
          uid: one.uid === node.metadata.uid ? 'uid of the node' : 'another',
        })),
        configHashEqualsMirror: of('hash') === of('mirror'),
        uidIsConfigHash: uid === of('hash'),
      },
      [node.metadata.name, '$NODE'],
    ),
    spec: hide({ ...rest, hasVolumes: (volumes ?? []).length > 0 }, [node.metadata.name, '$NODE']),
    status: { phase, qosClass, conditions },
  };
}
