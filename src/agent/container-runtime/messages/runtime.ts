import {
  bigint64,
  bool,
  enumeration,
  message,
  nested,
  repeated,
  text,
  textMap,
} from '#shared/base/protobuf.ts';
import { containerStatus } from './container-status.ts';
import { podSandboxStatus } from './sandbox.ts';

/** The runtime itself. Field numbers as in the CRI, runtime.v1. */

export const versionRequest = message({
  version: text(1),
});
export const versionResponse = message({
  version: text(1),
  runtimeName: text(2),
  runtimeVersion: text(3),
  runtimeApiVersion: text(4),
});
export const networkConfig = message({
  podCidr: text(1),
});
export const runtimeConfig = message({
  networkConfig: nested(1, networkConfig),
});
export const updateRuntimeConfigRequest = message({
  runtimeConfig: nested(1, runtimeConfig),
});
export const runtimeCondition = message({
  type: text(1),
  status: bool(2),
  reason: text(3),
  message: text(4),
});
export const runtimeStatus = message({
  conditions: repeated(nested(1, runtimeCondition)),
});
export const statusRequest = message({
  verbose: bool(1),
});
export const runtimeHandlerFeatures = message({
  recursiveReadOnlyMounts: bool(1),
  userNamespaces: bool(2),
});
export const runtimeHandler = message({
  name: text(1),
  features: nested(2, runtimeHandlerFeatures),
});
export const runtimeFeatures = message({
  supplementalGroupsPolicy: bool(1),
  userNamespacesHostNetwork: bool(2),
  mountOptions: bool(3),
});
export const statusResponse = message({
  status: nested(1, runtimeStatus),
  info: textMap(2),
  runtimeHandlers: repeated(nested(3, runtimeHandler)),
  features: nested(4, runtimeFeatures),
});
export const containerEventResponse = message({
  containerId: text(1),
  containerEventType: enumeration(2),
  createdAt: bigint64(3),
  podSandboxStatus: nested(4, podSandboxStatus),
  containersStatuses: repeated(nested(5, containerStatus)),
});
export const linuxRuntimeConfiguration = message({
  cgroupDriver: enumeration(1),
});
export const runtimeConfigResponse = message({
  linux: nested(1, linuxRuntimeConfiguration),
});
