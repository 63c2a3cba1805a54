import type { Node } from '#shared/api/types/core-v1.ts';
import type { Device, ResourceSlice } from '#shared/api/types/resource-v1.ts';
import { compileNodeSelector, type NodeSelectorParts } from '#shared/kube/node-selection.ts';

/** A device that the node can use, and the slice that tells of it. */
export interface PooledDevice {
  readonly id: string;
  readonly driver: string;
  readonly pool: string;
  readonly device: Device;
  readonly slice: ResourceSlice;
}

/** Devices that are managed together, of the newest generation. */
export interface DevicePool {
  readonly name: string;
  /** Some of the pool's slices are still to come, so that it cannot be relied on. */
  readonly isIncomplete: boolean;
  /** Two devices have one name. */
  readonly isInvalid: boolean;
  readonly devices: readonly PooledDevice[];
}

export function deviceId(driver: string, pool: string, device: string): string {
  return `${driver}/${pool}/${device}`;
}

/** The pools with devices for a node. Slices of devices that share counters are not used. */
export function poolsFor(node: Node, slices: readonly ResourceSlice[]): readonly DevicePool[] {
  const usable = slices.filter(({ spec }) => !spec.sharedCounters?.length);
  const byPool = Map.groupBy(usable, ({ spec }) => `${spec.driver}/${spec.pool.name}`);
  const pools: DevicePool[] = [];
  for (const [name, all] of byPool) {
    const newest = Math.max(...all.map(({ spec }) => spec.pool.generation));
    const current = all.filter(({ spec }) => spec.pool.generation === newest);
    const forNode = current.filter((slice) => isForNode(node, slice));
    const [first] = forNode;
    if (!first) continue;
    const isIncomplete = current.length !== first.spec.pool.resourceSliceCount;
    const devices = forNode.flatMap((slice) => devicesOf(node, slice));
    const isInvalid = new Set(devices.map(({ id }) => id)).size < devices.length;
    pools.push({ name, isIncomplete, isInvalid, devices });
  }
  return pools;
}

function isForNode(node: Node, { spec }: ResourceSlice): boolean {
  if (!spec.perDeviceNodeSelection) return isSelected(node, spec);
  return spec.devices?.some((device) => isSelected(node, device)) ?? false;
}

function devicesOf(node: Node, slice: ResourceSlice): readonly PooledDevice[] {
  const { driver, pool, devices = [], perDeviceNodeSelection } = slice.spec;
  return devices
    .filter((device) => !perDeviceNodeSelection || isSelected(node, device))
    .map((device) => ({
      id: deviceId(driver, pool.name, device.name),
      driver,
      pool: pool.name,
      device,
      slice,
    }));
}

function isSelected(
  node: Node,
  {
    nodeName,
    allNodes,
    nodeSelector,
  }: {
    readonly nodeName?: string;
    readonly allNodes?: boolean;
    readonly nodeSelector?: NodeSelectorParts;
  },
): boolean {
  if (nodeName) return node.metadata.name === nodeName;
  if (allNodes) return true;
  return nodeSelector ? compileNodeSelector(nodeSelector)(node) : false;
}
