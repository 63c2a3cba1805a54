import { Informers } from '#main/control-plane/controller-manager/informers.ts';
import { startController, type Host } from '#main/control-plane/controller-manager/runtime.ts';
import { startWithRealNodes } from '#main/control-plane/real-nodes.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { Recorder } from '#shared/client/events.ts';
import { createClaimController } from './provision.ts';
import { prepare } from './prepare.ts';
import { volumeController } from './remove.ts';

export interface LocalPathOptions {
  /** Makes the class and the roles: the cluster's administrator. */
  readonly administrator: Cluster;
  /** As the service account `local-path-provisioner` in kube-system. */
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
  /** Where the nodes' agents keep what is theirs; the usual place unless stated. */
  readonly agentFolder?: string;
}

/**
 * Volumes on the nodes' own disks, as the default StorageClass, from when there is a node that is not
 * simulated: before, there is no disk to keep anything on.
 */
export function startLocalPath({
  administrator,
  cluster,
  clock,
  log,
  agentFolder = '/var/lib/pilothouse',
}: LocalPathOptions): AsyncDisposable {
  const what = 'the local-path provisioner';
  return startWithRealNodes({ cluster: administrator, clock, log, what }, async () => {
    await prepare(administrator);
    const stack = new AsyncDisposableStack();
    const informers = stack.use(new Informers({ cluster, clock, log }));
    const host: Host = {
      informers,
      clock,
      log,
      fieldManager: 'local-path-provisioner',
      clusterFor: () => cluster,
      recorderFor: (component, as) =>
        stack.use(new Recorder({ cluster: as, clock, log, component })),
    };
    stack.use(startController(createClaimController(agentFolder), host));
    stack.use(startController(volumeController, host));
    return stack;
  });
}
