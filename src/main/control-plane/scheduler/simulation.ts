import type { Node, Pod } from '#shared/api/types/core-v1.ts';
import type { Clock } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import { createCluster } from '#shared/client/cluster.ts';
import type { Transport } from '#shared/client/transport.ts';
import { reserve } from './binding.ts';
import { ClaimLedger } from './claim-ledger.ts';
import type { SchedulerConfiguration } from './configuration.ts';
import { SchedulingCycle } from './cycle.ts';
import type { Listers } from './listers.ts';
import { Nominator } from './nominator.ts';
import { PodInfo } from './pod-info.ts';
import { createProfile } from './profile.ts';
import { inWords, type AttemptRecord } from './records.ts';
import type { Snapshot } from './snapshot.ts';

/** What to suppose: all of it at once, in this order. */
export interface SimulationRequest {
  readonly addNodes?: readonly Node[];
  readonly removeNodes?: readonly string[];
  /** Nodes whose pods have to go elsewhere, as by `kubectl drain`. */
  readonly drainNodes?: readonly string[];
  /** New pods; names and namespaces are theirs, the rest is filled in. */
  readonly pods?: readonly Pod[];
}

export interface SimulationResult {
  /** One for each pod that had to find a place, in the order in which they were tried. */
  readonly attempts: readonly AttemptRecord[];
}

export interface SimulationOptions {
  readonly snapshot: Snapshot;
  readonly listers: Listers;
  readonly clock: Clock;
  readonly random: () => number;
  readonly configuration?: SchedulerConfiguration;
}

const unreachable: Transport = {
  request: () => Promise.reject(new Error('A simulation changes nothing')),
  watch: () => {
    throw new Error('A simulation watches nothing');
  },
};

/** Decides about pods on a copy of the cluster with the same plugins, and changes nothing. */
export function simulate(
  { addNodes = [], removeNodes = [], drainNodes = [], pods = [] }: SimulationRequest,
  options: SimulationOptions,
): SimulationResult {
  const { clock, configuration = {} } = options;
  const snapshot = options.snapshot.copy();
  for (const node of addNodes) snapshot.setNode(node);
  const displaced = [
    ...removeNodes.flatMap((name) => evacuate(snapshot, name, 'remove')),
    ...drainNodes.flatMap((name) => evacuate(snapshot, name, 'drain')),
  ];
  const nominations = new Nominator();
  const context = {
    ...options,
    snapshot,
    nominations,
    cluster: createCluster(unreachable),
    log: silentLog,
    recordEvent: () => {},
    preemptions: { start: () => {}, areUnderWayFor: () => false },
    claimLedger: new ClaimLedger(options.listers.resourceClaims),
  };
  const profiles = new Map(
    (configuration.profiles ?? [{}])
      .map((one) => createProfile(context, one))
      .map((profile) => [profile.schedulerName, profile]),
  );
  const percentageOfNodesToScore = 100;
  const cycle = new SchedulingCycle({ ...context, percentageOfNodesToScore });
  const waiting = [...displaced, ...pods].map((pod, index) => new PodInfo(pending(pod, index)));
  waiting.sort((a, b) => b.priority - a.priority);
  const attempts: AttemptRecord[] = [];
  for (const pod of waiting) {
    const profile = profiles.get(pod.pod.spec.schedulerName ?? '');
    if (!profile)
      throw new Error(`No profile schedules pods of ${pod.pod.spec.schedulerName ?? 'nobody'}`);
    const start = clock.elapsed();
    const decision = cycle.schedule(profile, pod);
    const tookMs = clock.elapsed() - start;
    attempts.push(inWords({ decision, at: clock.now(), tookMs, attempt: 1, history: [] }));
    if (!decision.node) continue;
    snapshot.addPod(pod, decision.node.name);
    reserve({ ...decision, node: decision.node });
  }
  return { attempts };
}

/** The pods that leave a node; those of DaemonSets and static ones end or stay with it. */
function evacuate(snapshot: Snapshot, name: string, how: 'remove' | 'drain'): readonly Pod[] {
  const info = snapshot.get(name);
  if (!info?.node) throw new Error(`There is no node ${name}`);
  const leaving = info.pods.filter(({ pod }) => canMove(pod)).map(({ pod }) => pod);
  const ending = how === 'remove' ? info.pods.map(({ pod }) => pod) : leaving;
  for (const { metadata } of ending) snapshot.removePod(metadata.uid);
  if (how === 'remove') snapshot.removeNode(name);
  else snapshot.setNode({ ...info.node, spec: { ...info.node.spec, unschedulable: true } });
  return leaving;
}

function canMove({ metadata }: Pod): boolean {
  if (metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined) return false;
  return !metadata.ownerReferences?.some(
    ({ controller, kind }) => controller && kind === 'DaemonSet',
  );
}

/** The pod as if it had just been created. */
function pending(pod: Pod, index: number): Pod {
  const { nodeName: _gone, ...spec } = pod.spec;
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      namespace: pod.metadata.namespace ?? 'default',
      uid: `simulated-${index}`,
    },
    spec: { ...spec, schedulerName: spec.schedulerName ?? 'default-scheduler' },
    status: { phase: 'Pending' },
  };
}
