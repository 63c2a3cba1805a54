import { admissionPlugins } from '#main/control-plane/apiserver/admission/index.ts';
import type { Authorizer } from '#main/control-plane/apiserver/authorization/authorizer.ts';
import { startControllerManager } from '#main/control-plane/controller-manager/index.ts';
import { startScheduler } from '#main/control-plane/scheduler/index.ts';
import { startSimulation } from '#main/simulation/index.ts';
import { leases } from '#shared/api/coordination/lease.ts';
import { nodes } from '#shared/api/core/node.ts';
import type { Lease } from '#shared/api/types/coordination-v1.ts';
import type { Node } from '#shared/api/types/core-v1.ts';
import { ClusterClock } from '#shared/base/cluster-clock.ts';
import { silentLog } from '#shared/base/log.ts';
import { timestamp } from '#shared/client/events.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { New } from '#shared/kube/object.ts';
import type { Machines } from '#shared/kube/machines.ts';
import { WarpClock } from '../controller-facts/warp-clock.ts';
import { startTestCluster, type TestCluster } from './cluster.ts';

/** A whole control plane with simulated nodes, on a machine that sleeps when a test says so. */
export interface TimedCluster extends TestCluster {
  /** The machine's own time. */
  readonly host: WarpClock;
  readonly clock: ClusterClock;
  /** Registers a node that is no part of this process and ready. */
  addNode(name: string): Promise<void>;
  /** The node's kubelet reaches the API: by its own clock, which may be wrong. */
  renewLease(name: string, renewTime?: number): Promise<void>;
}

const authorizer: Authorizer = {
  name: 'AlwaysAllow',
  authorize: () => ({ verdict: 'Allow', reason: '' }),
};

export async function startTimedCluster({
  simulatedNodes,
  machines,
}: {
  readonly simulatedNodes: number;
  readonly machines?: Machines;
}): Promise<TimedCluster> {
  await using stack = new AsyncDisposableStack();
  let revision = (): unknown => '';
  const host = new WarpClock(Date.UTC(2026, 0, 5, 10, 0, 5), async () => {
    for (let calm = 0, last = revision(); calm < 4;) {
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      const now = revision();
      calm = now === last ? calm + 1 : 0;
      last = now;
    }
  });
  const clock = stack.use(new ClusterClock(host));
  const log = silentLog;
  const cluster = stack.use(
    await startTestCluster({
      clock,
      security: () => ({ admission: admissionPlugins({ authorizer }) }),
    }),
  );
  revision = () => cluster.store.revision;
  const as = (name: string) => cluster.as(name, 'system:masters');
  stack.use(
    startControllerManager({
      cluster: as('system:kube-controller-manager'),
      clusterFor: (name) => as(`system:serviceaccount:kube-system:${name}`),
      clock,
      log,
      caBundle: 'CA',
      machines,
      podRange: { podCidr: '10.244.0.0/16', nodeMask: 24 },
    }),
  );
  stack.use(
    startScheduler({ cluster: as('system:kube-scheduler'), clock, log, recordEvent: () => {} }),
  );
  const simulation = stack.use(
    startSimulation({
      cluster: cluster.admin,
      clusterFor: (name) => as(`system:node:${name}`),
      clock,
      log,
      kubeletVersion: 'v1.36.3',
      count: simulatedNodes,
    }),
  );
  await host.advance(1_000);
  await simulation.ready;
  const { admin } = cluster;
  const owned = stack.move();
  const timed: TimedCluster = {
    ...cluster,
    host,
    clock,
    async addNode(name) {
      const at = timestamp(host.now());
      const times = { lastHeartbeatTime: at, lastTransitionTime: at };
      const ready = { type: 'Ready', status: 'True', reason: 'KubeletReady', ...times };
      const room = { cpu: '8', memory: '32Gi', pods: '110' };
      const status = { capacity: room, allocatable: room, conditions: [ready] };
      await admin.create(nodes, { metadata: { name }, spec: {}, status } as unknown as New<Node>);
      await timed.renewLease(name);
    },
    async renewLease(name, at = host.now()) {
      const renewTime = new Date(at).toISOString().replace('Z', '000Z');
      const key = { namespace: 'kube-node-lease', name };
      const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime };
      try {
        const lease: Lease = await admin.get(leases, key);
        await admin.update(leases, { ...lease, spec });
      } catch (error) {
        if (!ApiError.is(error, 'NotFound')) throw error;
        await admin.create(leases, { metadata: key, spec });
      }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
  return timed;
}
