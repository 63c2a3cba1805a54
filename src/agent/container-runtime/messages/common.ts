import {
  bytes,
  enumeration,
  int64,
  message,
  nested,
  repeated,
  text,
  textMap,
} from '#shared/base/protobuf.ts';

/** What several messages share. Field numbers as in the CRI, runtime.v1. */

export const int64Value = message({
  value: int64(1),
});
export const uint64Value = message({
  value: int64(1),
});
export const idMapping = message({
  hostId: int64(1),
  containerId: int64(2),
  length: int64(3),
});
export const userNamespace = message({
  mode: enumeration(1),
  uids: repeated(nested(2, idMapping)),
  gids: repeated(nested(3, idMapping)),
});
export const namespaceOption = message({
  network: enumeration(1),
  pid: enumeration(2),
  ipc: enumeration(3),
  targetId: text(4),
  usernsOptions: nested(5, userNamespace),
});
export const seLinuxOption = message({
  user: text(1),
  role: text(2),
  type: text(3),
  level: text(4),
});
export const securityProfile = message({
  profileType: enumeration(1),
  localhostRef: text(2),
});
export const imageSpec = message({
  image: text(1),
  annotations: textMap(2),
  userSpecifiedImage: text(18),
  runtimeHandler: text(19),
  imageRef: text(20),
});
export const hugepageLimit = message({
  pageSize: text(1),
  limit: int64(2),
});
export const linuxContainerResources = message({
  cpuPeriod: int64(1),
  cpuQuota: int64(2),
  cpuShares: int64(3),
  memoryLimitInBytes: int64(4),
  oomScoreAdj: int64(5),
  cpusetCpus: text(6),
  cpusetMems: text(7),
  hugepageLimits: repeated(nested(8, hugepageLimit)),
  unified: textMap(9),
  memorySwapLimitInBytes: int64(10),
});
export const keyValue = message({
  key: text(1),
  value: bytes(2),
});
