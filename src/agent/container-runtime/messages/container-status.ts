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
import { idMapping, imageSpec, linuxContainerResources } from './common.ts';

/** What a container is and does. Field numbers as in the CRI, runtime.v1. */

export const containerMetadata = message({
  name: text(1),
  attempt: int64(2),
});
export const mount = message({
  containerPath: text(1),
  hostPath: text(2),
  readonly: bool(3),
  selinuxRelabel: bool(4),
  propagation: enumeration(5),
  uidMappings: repeated(nested(6, idMapping)),
  gidMappings: repeated(nested(7, idMapping)),
  recursiveReadOnly: bool(8),
  image: nested(9, imageSpec),
  imageSubPath: text(10),
  mountOptions: repeated(text(11)),
});
export const containerResources = message({
  linux: nested(1, linuxContainerResources),
});
export const linuxContainerUser = message({
  uid: int64(1),
  gid: int64(2),
  supplementalGroups: repeated(int64(3)),
});
export const containerUser = message({
  linux: nested(1, linuxContainerUser),
});
export const containerStatus = message({
  id: text(1),
  metadata: nested(2, containerMetadata),
  state: enumeration(3),
  createdAt: bigint64(4),
  startedAt: bigint64(5),
  finishedAt: bigint64(6),
  exitCode: int64(7),
  image: nested(8, imageSpec),
  imageRef: text(9),
  reason: text(10),
  message: text(11),
  labels: textMap(12),
  annotations: textMap(13),
  mounts: repeated(nested(14, mount)),
  logPath: text(15),
  resources: nested(16, containerResources),
  imageId: text(17),
  user: nested(18, containerUser),
  stopSignal: enumeration(19),
});
