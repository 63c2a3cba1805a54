import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { Recorder } from '#shared/client/events.ts';
import type { Controller } from '#shared/kube/controller.ts';
import { createCronJobController } from './cron-job.ts';
import { createDaemonSetController } from './daemon-set.ts';
import { deploymentController } from './deployment.ts';
import { startGarbageCollector } from './garbage-collector.ts';
import { Informers } from './informers.ts';
import { createJobController, jobOrphanController } from './job.ts';
import { Kinds } from './kinds.ts';
import { createNamespaceController } from './namespace.ts';
import { replicaSetController, replicationController } from './replica-set.ts';
import { startController, type Host } from './runtime.ts';
import { statefulSetController } from './stateful-set.ts';

export interface ControllerManagerOptions {
  /** As `system:kube-controller-manager`: what all controllers read through. */
  readonly cluster: Cluster;
  /** As one controller's service account in kube-system, such as `deployment-controller`. */
  clusterFor(name: string): Cluster;
  readonly clock: Clock;
  readonly log: Log;
}

/** Runs all controllers until disposed; disposing waits for what they are doing. */
export function startControllerManager(options: ControllerManagerOptions): AsyncDisposable {
  const { cluster, clusterFor, clock, log } = options;
  const stack = new AsyncDisposableStack();
  const informers = stack.use(new Informers({ cluster, clock, log }));
  const host: Host = {
    informers,
    clock,
    log,
    clusterFor,
    recorderFor: (component, as) => stack.use(new Recorder({ cluster: as, clock, log, component })),
  };
  const kinds = stack.use(new Kinds(informers));
  stack.use(startGarbageCollector(host, kinds));
  const definitions = [
    ...controllers(),
    createNamespaceController(kinds, clusterFor('namespace-controller')),
  ] as readonly Controller[];
  for (const definition of definitions) stack.use(startController(definition, host));
  return stack;
}

/** Every controller that is one definition, made anew for each run. */
function controllers(): readonly Controller[] {
  return [
    deploymentController,
    replicaSetController,
    replicationController,
    statefulSetController,
    createDaemonSetController(),
    createJobController(),
    jobOrphanController,
    createCronJobController(),
  ];
}
