import type { CertificateSigner } from '#shared/api/certificates/signers.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { Recorder } from '#shared/client/events.ts';
import type { Controller } from '#shared/kube/controller.ts';
import type { Machines } from '#shared/kube/machines.ts';
import { bootstrapSigner, tokenCleaner } from './bootstrap-token.ts';
import {
  certificateApprover,
  certificateCleaner,
  createCertificateSigningController,
} from './certificates.ts';
import { clusterRoleAggregationController } from './cluster-role-aggregation.ts';
import { createCronJobController } from './cron-job.ts';
import { createDaemonSetController } from './daemon-set.ts';
import { deploymentController } from './deployment.ts';
import { createDisruptionController, staleDisruptionController } from './disruption.ts';
import { endpointSliceMirroringController } from './endpoint-slice-mirroring.ts';
import { createEndpointSliceController } from './endpoint-slice.ts';
import { createEndpointsController } from './endpoints.ts';
import { startGarbageCollector } from './garbage-collector.ts';
import { Informers } from './informers.ts';
import { createJobController, jobOrphanController } from './job.ts';
import { Kinds } from './kinds.ts';
import { createNamespaceController } from './namespace.ts';
import { createNodeIpamController, type PodRangeOptions } from './node-ipam.ts';
import { startNodeLifecycle } from './node-lifecycle.ts';
import { createNodeTtlController, nodeTaintController } from './node/node-taints.ts';
import { podGcController } from './pod-gc.ts';
import { claimBindingController, volumeBindingController } from './pv-binder.ts';
import { replicaSetController, replicationController } from './replica-set.ts';
import { createResourceQuotaController } from './resource-quota.ts';
import { createRootCaPublisher } from './root-ca-publisher.ts';
import { startController, type Host } from './runtime.ts';
import { createTokenController, type TokenSecretOptions } from './service-account-token.ts';
import { serviceCidrController } from './service-cidr.ts';
import { serviceAccountController } from './service-account.ts';
import { statefulSetController } from './stateful-set.ts';
import { createTaintEvictionController } from './taint-eviction.ts';
import { ttlAfterFinishedController } from './ttl-after-finished.ts';
import {
  attributesProtectionController,
  claimProtectionController,
  volumeProtectionController,
} from './volume-protection.ts';

export interface ControllerManagerOptions {
  /** As `system:kube-controller-manager`: what all controllers read through. */
  readonly cluster: Cluster;
  /** As one controller's service account in kube-system, such as `deployment-controller`. */
  clusterFor(name: string): Cluster;
  readonly clock: Clock;
  readonly log: Log;
  /** What pods may verify the API server with: the PEM of the cluster's CA. */
  readonly caBundle: string;
  /** Signs service-account tokens for Secrets of the old kind; without it they stay empty. */
  readonly signToken?: TokenSecretOptions['signToken'];
  /** Signs approved certificate requests; without it somebody else does. */
  readonly signer?: CertificateSigner;
  /** Pod addresses, a range per node; without it somebody else gives them out. */
  readonly podRange?: PodRangeOptions;
  /** Where nodes are machines that we reach: whether they can reach us. */
  readonly machines?: Machines | undefined;
  /** The time zone of CronJobs that name none; UTC unless stated. */
  readonly timeZone?: string;
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
  stack.use(startNodeLifecycle(host, options.machines));
  const definitions = [
    ...controllers(options),
    createNamespaceController(kinds, clusterFor('namespace-controller')),
    createDisruptionController(kinds, clusterFor('disruption-controller')),
    createResourceQuotaController(kinds),
  ] as readonly Controller[];
  for (const definition of definitions) stack.use(startController(definition, host));
  return stack;
}

/** Every controller that is one definition, made anew for each run. */
function controllers(options: ControllerManagerOptions): readonly Controller[] {
  const { caBundle, signToken, signer, podRange, timeZone } = options;
  return [
    deploymentController,
    replicaSetController,
    replicationController,
    statefulSetController,
    createDaemonSetController(),
    createJobController(),
    jobOrphanController,
    createCronJobController({ zone: timeZone ?? 'UTC' }),
    ttlAfterFinishedController,
    serviceAccountController,
    createRootCaPublisher(caBundle),
    ...(signToken ? [createTokenController({ caBundle, signToken })] : []),
    clusterRoleAggregationController,
    claimBindingController,
    volumeBindingController,
    claimProtectionController,
    volumeProtectionController,
    attributesProtectionController,
    podGcController,
    createEndpointsController(),
    createEndpointSliceController(),
    endpointSliceMirroringController,
    staleDisruptionController,
    certificateApprover,
    ...(signer ? [createCertificateSigningController(signer)] : []),
    certificateCleaner,
    bootstrapSigner,
    tokenCleaner,
    serviceCidrController,
    createTaintEvictionController(),
    nodeTaintController,
    createNodeTtlController(),
    ...(podRange ? [createNodeIpamController(podRange)] : []),
  ];
}
