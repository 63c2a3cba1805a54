import { Informers } from '#main/control-plane/controller-manager/informers.ts';
import { startController, type Host } from '#main/control-plane/controller-manager/runtime.ts';
import { startWithRealNodes } from '#main/control-plane/real-nodes.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { Recorder } from '#shared/client/events.ts';
import type { Controller } from '#shared/kube/controller.ts';
import type { Machines } from '#shared/kube/machines.ts';
import { createCloudNodeController } from './cloud-node.ts';
import { grantOwnRole, grantRenewal } from './rbac.ts';
import { createRouteController } from './route.ts';
import { createServiceController } from './service.ts';
import { servingCertificateApprover } from './serving-certificates.ts';

export interface CloudControllerManagerOptions {
  /** Gives the cloud controllers their role: the cluster's administrator. */
  readonly administrator: Cluster;
  /** As `system:cloud-controller-manager`. */
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
  /** Those that became nodes; without them nodes are taken as they are. */
  readonly machines?: Machines | undefined;
  /** Addresses to give to services of type LoadBalancer, as addresses, ranges and CIDRs; the nodes' own without. */
  readonly addressPool?: readonly string[] | undefined;
}

/** Runs the cloud controllers from when there is a node that is not simulated until disposed. */
export function startCloudControllerManager(
  options: CloudControllerManagerOptions,
): AsyncDisposable {
  const { administrator, clock, log } = options;
  const what = 'the cloud controllers';
  return startWithRealNodes({ cluster: administrator, clock, log, what }, async () => {
    await grantOwnRole(administrator);
    await grantRenewal(administrator);
    return runControllers(options);
  });
}

function runControllers(options: CloudControllerManagerOptions): AsyncDisposable {
  const { cluster, clock, log, machines, addressPool } = options;
  const stack = new AsyncDisposableStack();
  const informers = stack.use(new Informers({ cluster, clock, log }));
  const host: Host = {
    informers,
    clock,
    log,
    fieldManager: 'cloud-controller-manager',
    clusterFor: () => cluster,
    recorderFor: (component, as) => stack.use(new Recorder({ cluster: as, clock, log, component })),
  };
  const definitions = [
    ...(machines ? [createCloudNodeController(machines)] : []),
    createRouteController(),
    createServiceController(addressPool),
    servingCertificateApprover,
  ] as readonly Controller[];
  for (const definition of definitions) stack.use(startController(definition, host));
  return stack;
}
