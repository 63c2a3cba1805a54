import { bigint64, message, nested, repeated, text, textMap } from '#shared/base/protobuf.ts';
import { uint64Value } from './common.ts';
import { containerMetadata } from './container-status.ts';
import { podSandboxMetadata } from './sandbox.ts';

/** What sandboxes, containers and images use. Field numbers as in the CRI, runtime.v1. */

export const podSandboxStatsRequest = message({
  podSandboxId: text(1),
});
export const podSandboxAttributes = message({
  id: text(1),
  metadata: nested(2, podSandboxMetadata),
  labels: textMap(3),
  annotations: textMap(4),
});
export const cpuUsage = message({
  timestamp: bigint64(1),
  usageCoreNanoSeconds: nested(2, uint64Value),
  usageNanoCores: nested(3, uint64Value),
});
export const memoryUsage = message({
  timestamp: bigint64(1),
  workingSetBytes: nested(2, uint64Value),
  availableBytes: nested(3, uint64Value),
  usageBytes: nested(4, uint64Value),
  rssBytes: nested(5, uint64Value),
  pageFaults: nested(6, uint64Value),
  majorPageFaults: nested(7, uint64Value),
});
export const networkInterfaceUsage = message({
  name: text(1),
  rxBytes: nested(2, uint64Value),
  rxErrors: nested(3, uint64Value),
  txBytes: nested(4, uint64Value),
  txErrors: nested(5, uint64Value),
});
export const networkUsage = message({
  timestamp: bigint64(1),
  defaultInterface: nested(2, networkInterfaceUsage),
  interfaces: repeated(nested(3, networkInterfaceUsage)),
});
export const processUsage = message({
  timestamp: bigint64(1),
  processCount: nested(2, uint64Value),
});
export const containerAttributes = message({
  id: text(1),
  metadata: nested(2, containerMetadata),
  labels: textMap(3),
  annotations: textMap(4),
});
export const filesystemIdentifier = message({
  mountpoint: text(1),
});
export const filesystemUsage = message({
  timestamp: bigint64(1),
  fsId: nested(2, filesystemIdentifier),
  usedBytes: nested(3, uint64Value),
  inodesUsed: nested(4, uint64Value),
});
export const swapUsage = message({
  timestamp: bigint64(1),
  swapAvailableBytes: nested(2, uint64Value),
  swapUsageBytes: nested(3, uint64Value),
});
export const ioUsage = message({
  timestamp: bigint64(1),
});
export const containerStats = message({
  attributes: nested(1, containerAttributes),
  cpu: nested(2, cpuUsage),
  memory: nested(3, memoryUsage),
  writableLayer: nested(4, filesystemUsage),
  swap: nested(5, swapUsage),
  io: nested(6, ioUsage),
});
export const linuxPodSandboxStats = message({
  cpu: nested(1, cpuUsage),
  memory: nested(2, memoryUsage),
  network: nested(3, networkUsage),
  process: nested(4, processUsage),
  containers: repeated(nested(5, containerStats)),
  io: nested(6, ioUsage),
});
export const podSandboxStats = message({
  attributes: nested(1, podSandboxAttributes),
  linux: nested(2, linuxPodSandboxStats),
});
export const podSandboxStatsResponse = message({
  stats: nested(1, podSandboxStats),
});
export const podSandboxStatsFilter = message({
  id: text(1),
  labelSelector: textMap(2),
});
export const listPodSandboxStatsRequest = message({
  filter: nested(1, podSandboxStatsFilter),
});
export const listPodSandboxStatsResponse = message({
  stats: repeated(nested(1, podSandboxStats)),
});
export const imageFsInfoResponse = message({
  imageFilesystems: repeated(nested(1, filesystemUsage)),
  containerFilesystems: repeated(nested(2, filesystemUsage)),
});
export const containerStatsRequest = message({
  containerId: text(1),
});
export const containerStatsResponse = message({
  stats: nested(1, containerStats),
});
export const containerStatsFilter = message({
  id: text(1),
  podSandboxId: text(2),
  labelSelector: textMap(3),
});
export const listContainerStatsRequest = message({
  filter: nested(1, containerStatsFilter),
});
export const listContainerStatsResponse = message({
  stats: repeated(nested(1, containerStats)),
});
