import {
  bigint64,
  bool,
  bytes,
  enumeration,
  int64,
  message,
  nested,
  repeated,
  text,
  textMap,
} from '#shared/base/protobuf.ts';
import {
  imageSpec,
  int64Value,
  keyValue,
  linuxContainerResources,
  namespaceOption,
  seLinuxOption,
  securityProfile,
} from './common.ts';
import { containerMetadata, containerStatus, mount } from './container-status.ts';
import { podSandboxConfig } from './sandbox.ts';

/** Containers, and what may be done in one. Field numbers as in the CRI, runtime.v1. */

export const capability = message({
  addCapabilities: repeated(text(1)),
  dropCapabilities: repeated(text(2)),
  addAmbientCapabilities: repeated(text(3)),
});
export const linuxContainerSecurityContext = message({
  capabilities: nested(1, capability),
  privileged: bool(2),
  namespaceOptions: nested(3, namespaceOption),
  selinuxOptions: nested(4, seLinuxOption),
  runAsUser: nested(5, int64Value),
  runAsGroup: nested(12, int64Value),
  runAsUsername: text(6),
  readonlyRootfs: bool(7),
  supplementalGroups: repeated(int64(8)),
  supplementalGroupsPolicy: enumeration(17),
  noNewPrivs: bool(11),
  maskedPaths: repeated(text(13)),
  readonlyPaths: repeated(text(14)),
  seccomp: nested(15, securityProfile),
  apparmor: nested(16, securityProfile),
});
export const linuxContainerConfig = message({
  resources: nested(1, linuxContainerResources),
  securityContext: nested(2, linuxContainerSecurityContext),
});
export const device = message({
  containerPath: text(1),
  hostPath: text(2),
  permissions: text(3),
});
export const cdiDevice = message({
  name: text(1),
});
export const containerConfig = message({
  metadata: nested(1, containerMetadata),
  image: nested(2, imageSpec),
  command: repeated(text(3)),
  args: repeated(text(4)),
  workingDir: text(5),
  envs: repeated(nested(6, keyValue)),
  mounts: repeated(nested(7, mount)),
  devices: repeated(nested(8, device)),
  labels: textMap(9),
  annotations: textMap(10),
  logPath: text(11),
  stdin: bool(12),
  stdinOnce: bool(13),
  tty: bool(14),
  linux: nested(15, linuxContainerConfig),
  cdiDevices: repeated(nested(17, cdiDevice)),
  stopSignal: enumeration(18),
});
export const createContainerRequest = message({
  podSandboxId: text(1),
  config: nested(2, containerConfig),
  sandboxConfig: nested(3, podSandboxConfig),
});
export const createContainerResponse = message({
  containerId: text(1),
});
export const startContainerRequest = message({
  containerId: text(1),
});
export const stopContainerRequest = message({
  containerId: text(1),
  timeout: int64(2),
});
export const removeContainerRequest = message({
  containerId: text(1),
});
export const containerStateValue = message({
  state: enumeration(1),
});
export const containerFilter = message({
  id: text(1),
  state: nested(2, containerStateValue),
  podSandboxId: text(3),
  labelSelector: textMap(4),
});
export const listContainersRequest = message({
  filter: nested(1, containerFilter),
});
export const container = message({
  id: text(1),
  podSandboxId: text(2),
  metadata: nested(3, containerMetadata),
  image: nested(4, imageSpec),
  imageRef: text(5),
  state: enumeration(6),
  createdAt: bigint64(7),
  labels: textMap(8),
  annotations: textMap(9),
  imageId: text(10),
});
export const listContainersResponse = message({
  containers: repeated(nested(1, container)),
});
export const containerStatusRequest = message({
  containerId: text(1),
  verbose: bool(2),
});
export const containerStatusResponse = message({
  status: nested(1, containerStatus),
  info: textMap(2),
});
export const updateContainerResourcesRequest = message({
  containerId: text(1),
  linux: nested(2, linuxContainerResources),
  annotations: textMap(4),
});
export const execSyncRequest = message({
  containerId: text(1),
  cmd: repeated(text(2)),
  timeout: int64(3),
});
export const execSyncResponse = message({
  stdout: bytes(1),
  stderr: bytes(2),
  exitCode: int64(3),
});
export const execRequest = message({
  containerId: text(1),
  cmd: repeated(text(2)),
  tty: bool(3),
  stdin: bool(4),
  stdout: bool(5),
  stderr: bool(6),
});
export const execResponse = message({
  url: text(1),
});
export const attachRequest = message({
  containerId: text(1),
  stdin: bool(2),
  tty: bool(3),
  stdout: bool(4),
  stderr: bool(5),
});
export const attachResponse = message({
  url: text(1),
});
export const reopenContainerLogRequest = message({
  containerId: text(1),
});
