import type { Capacity, PodAddresses } from '#agent/kubelet/containers/downward.ts';
import type { ClusterObjects } from '#agent/kubelet/objects.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import type { Mounts } from './mounts.ts';
import type { HeldTokens } from './tokens.ts';

/** What volumes are made with. */
export interface VolumeContext {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
  readonly objects: ClusterObjects;
  readonly mounts: Mounts;
  /** Each pod has a folder below this one. */
  readonly podsFolder: string;
  readonly tokens: HeldTokens;
  readonly addresses: (pod: Pod) => PodAddresses;
  readonly allocatable: () => Capacity;
}
