import type { Decoded, MessageOf } from '#shared/base/protobuf.ts';
import type {
  linuxContainerResources,
  namespaceOption,
  securityProfile,
} from './messages/common.ts';
import type { containerStatus, mount } from './messages/container-status.ts';
import type {
  container,
  containerConfig,
  linuxContainerSecurityContext,
} from './messages/container.ts';
import type { image } from './messages/image.ts';
import type { podSandbox, podSandboxConfig, podSandboxStatus } from './messages/sandbox.ts';

/** The CRI's messages that the rest of the agent speaks of, as they are written … */
export type PodSandboxConfig = Partial<MessageOf<typeof podSandboxConfig>>;
export type ContainerConfig = Partial<MessageOf<typeof containerConfig>>;
export type ContainerMount = Partial<MessageOf<typeof mount>>;
export type ContainerResources = Partial<MessageOf<typeof linuxContainerResources>>;
export type NamespaceOptions = Partial<MessageOf<typeof namespaceOption>>;
export type SecurityProfile = Partial<MessageOf<typeof securityProfile>>;
export type ContainerSecurityContext = Partial<MessageOf<typeof linuxContainerSecurityContext>>;

/** … and as they arrive. */
export type RuntimeContainer = Decoded<MessageOf<typeof container>>;
export type RuntimeContainerStatus = Decoded<MessageOf<typeof containerStatus>>;
export type RuntimeSandbox = Decoded<MessageOf<typeof podSandbox>>;
export type RuntimeSandboxStatus = Decoded<MessageOf<typeof podSandboxStatus>>;
export type RuntimeImage = Decoded<MessageOf<typeof image>>;
