import {
  bigint64,
  bool,
  enumeration,
  int64,
  message,
  nested,
  repeated,
  text,
  textMap,
} from '#shared/base/protobuf.ts';
import {
  int64Value,
  linuxContainerResources,
  namespaceOption,
  seLinuxOption,
  securityProfile,
} from './common.ts';
import { containerStatus } from './container-status.ts';

/** Pod sandboxes. Field numbers as in the CRI, runtime.v1. */

export const dnsConfig = message({
  servers: repeated(text(1)),
  searches: repeated(text(2)),
  options: repeated(text(3)),
});
export const portMapping = message({
  protocol: enumeration(1),
  containerPort: int64(2),
  hostPort: int64(3),
  hostIp: text(4),
});
export const linuxSandboxSecurityContext = message({
  namespaceOptions: nested(1, namespaceOption),
  selinuxOptions: nested(2, seLinuxOption),
  runAsUser: nested(3, int64Value),
  runAsGroup: nested(8, int64Value),
  readonlyRootfs: bool(4),
  supplementalGroups: repeated(int64(5)),
  supplementalGroupsPolicy: enumeration(11),
  privileged: bool(6),
  seccomp: nested(9, securityProfile),
  apparmor: nested(10, securityProfile),
});
export const linuxPodSandboxConfig = message({
  cgroupParent: text(1),
  securityContext: nested(2, linuxSandboxSecurityContext),
  sysctls: textMap(3),
  overhead: nested(4, linuxContainerResources),
  resources: nested(5, linuxContainerResources),
});
export const podSandboxMetadata = message({
  name: text(1),
  uid: text(2),
  namespace: text(3),
  attempt: int64(4),
});
export const podSandboxConfig = message({
  metadata: nested(1, podSandboxMetadata),
  hostname: text(2),
  logDirectory: text(3),
  dnsConfig: nested(4, dnsConfig),
  portMappings: repeated(nested(5, portMapping)),
  labels: textMap(6),
  annotations: textMap(7),
  linux: nested(8, linuxPodSandboxConfig),
});
export const runPodSandboxRequest = message({
  config: nested(1, podSandboxConfig),
  runtimeHandler: text(2),
});
export const runPodSandboxResponse = message({
  podSandboxId: text(1),
});
export const stopPodSandboxRequest = message({
  podSandboxId: text(1),
});
export const removePodSandboxRequest = message({
  podSandboxId: text(1),
});
export const podSandboxStatusRequest = message({
  podSandboxId: text(1),
  verbose: bool(2),
});
export const podIp = message({
  ip: text(1),
});
export const podSandboxNetworkStatus = message({
  ip: text(1),
  additionalIps: repeated(nested(2, podIp)),
});
export const sandboxNamespaces = message({
  options: nested(2, namespaceOption),
});
export const linuxPodSandboxStatus = message({
  namespaces: nested(1, sandboxNamespaces),
});
export const podSandboxStatus = message({
  id: text(1),
  metadata: nested(2, podSandboxMetadata),
  state: enumeration(3),
  createdAt: bigint64(4),
  network: nested(5, podSandboxNetworkStatus),
  linux: nested(6, linuxPodSandboxStatus),
  labels: textMap(7),
  annotations: textMap(8),
  runtimeHandler: text(9),
});
export const podSandboxStatusResponse = message({
  status: nested(1, podSandboxStatus),
  info: textMap(2),
  containersStatuses: repeated(nested(3, containerStatus)),
  timestamp: bigint64(4),
});
export const podSandboxStateValue = message({
  state: enumeration(1),
});
export const podSandboxFilter = message({
  id: text(1),
  state: nested(2, podSandboxStateValue),
  labelSelector: textMap(3),
});
export const listPodSandboxRequest = message({
  filter: nested(1, podSandboxFilter),
});
export const podSandbox = message({
  id: text(1),
  metadata: nested(2, podSandboxMetadata),
  state: enumeration(3),
  createdAt: bigint64(4),
  labels: textMap(5),
  annotations: textMap(6),
  runtimeHandler: text(7),
});
export const listPodSandboxResponse = message({
  items: repeated(nested(1, podSandbox)),
});
export const portForwardRequest = message({
  podSandboxId: text(1),
  port: repeated(int64(2)),
});
export const portForwardResponse = message({
  url: text(1),
});
export const updatePodSandboxResourcesRequest = message({
  podSandboxId: text(1),
  overhead: nested(2, linuxContainerResources),
  resources: nested(3, linuxContainerResources),
});
