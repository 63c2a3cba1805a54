import type { ContainerRuntime } from '#agent/container-runtime/index.ts';
import type { Network } from '#agent/network/index.ts';
import type { AgentParts } from '#agent/settings.ts';
import type { EventRecorder } from '#shared/kube/controller.ts';
import type { NodeFacts } from './node/facts.ts';
import type { ClusterObjects } from './objects.ts';

/** What every part of the kubelet is made with. */
export interface KubeletContext extends AgentParts {
  readonly runtime: ContainerRuntime;
  /** Has pods get their addresses, and hears of these before containers start; without one nobody needs to. */
  readonly network?: Pick<Network, 'podStarted' | 'assignAddress'>;
  readonly recorder: EventRecorder;
  readonly objects: ClusterObjects;
  readonly facts: NodeFacts;
}
