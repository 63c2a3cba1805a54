import { controllerRevisions } from '#shared/api/apps/controller-revision.ts';
import { statefulSets } from '#shared/api/apps/stateful-set.ts';
import { persistentVolumeClaims } from '#shared/api/core/persistent-volume-claim.ts';
import { pods } from '#shared/api/core/pod.ts';
import type {
  ControllerRevision,
  StatefulSet,
  StatefulSetStatus,
} from '#shared/api/types/apps-v1.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { controller, type ReconcileContext } from '#shared/kube/controller.ts';
import { controllerReference } from '#shared/kube/owners.ts';
import { claim, compiledSelector, orphanTrigger } from './pods/claim.ts';
import { isAvailable, isReady, untilNextAvailable } from './pods/pod-state.ts';
import { revisionData } from './revision/hash.ts';
import {
  createRevision,
  isSameRevision,
  nextRevision,
  revisionsOf,
  templateOf,
  truncateHistory,
} from './revision/history.ts';
import {
  hasIdentity,
  hasStorage,
  isInRange,
  newPod,
  ordinalOf,
  parentAndOrdinal,
  replicasOf,
  revisionLabel,
  startOf,
  type DraftPod,
} from './stateful-set/identity.ts';
import { aggregated, StatefulPods } from './stateful-set/pod-control.ts';
import { writeStatus } from './status.ts';
import { asError, compact, isEqual, messageOf } from './values.ts';

/** Never more than this many pods at once with parallel pod management. */
const largestBatch = 500;

/** Keeps pods that each have a name, an order and storage of their own. */
export const statefulSetController = controller<StatefulSet>({
  name: 'statefulset-controller',
  watches: statefulSets,
  owns: [pods],
  reads: [persistentVolumeClaims, controllerRevisions],
  triggers: [orphanTrigger(pods, statefulSets, ({ spec }) => compiledSelector(spec.selector))],

  async reconcile(set, context) {
    const selector = compiledSelector(set.spec.selector);
    await adoptRevisions(set, context);
    const owned = await claim(
      {
        owner: set,
        ownerKind: statefulSets,
        selector,
        of: pods,
        filter: ({ metadata }) => parentAndOrdinal(metadata.name).parent === set.metadata.name,
      },
      context,
    );
    const history = revisionsOf(set, selector, context);
    const revisions = await findRevisions(set, history, context);
    const pass = new Pass(set, { revisions, context });
    const { status, failure } = await pass.run(owned);
    await report(set, status, context);
    const live = [revisions.current, revisions.update].map(({ metadata }) => metadata.name);
    const used = new Set([...live, ...owned.map(revisionOf)]);
    await truncateHistory(history, used, set.spec.revisionHistoryLimit ?? 10, context);
    if (failure) throw failure;
    const { minReadySeconds = 0 } = set.spec;
    if (minReadySeconds === 0 || status.readyReplicas === status.availableReplicas)
      return undefined;
    const next = untilNextAvailable(owned, minReadySeconds, context.clock.now());
    return { afterMs: next ?? minReadySeconds * 1000 };
  },
});

interface Revisions {
  readonly current: ControllerRevision;
  readonly update: ControllerRevision;
  readonly collisionCount: number;
}

async function adoptRevisions(set: StatefulSet, context: ReconcileContext): Promise<void> {
  const { cache, cluster } = context;
  if (set.metadata.deletionTimestamp) return;
  const selector = compiledSelector(set.spec.selector);
  for (const { metadata } of cache.orphans(controllerRevisions, set.metadata.namespace!)) {
    if (!selector.matches(metadata.labels)) continue;
    const { namespace, name, uid } = metadata;
    const ownerReferences = [controllerReference(statefulSets, set)];
    const body = { metadata: { ownerReferences, uid } };
    await cluster.patch(controllerRevisions, { namespace, name }, { type: 'strategic', body });
  }
}

/** The revision that the set's template is, created where it is new, and the one rolled out before. */
async function findRevisions(
  set: StatefulSet,
  history: readonly ControllerRevision[],
  context: ReconcileContext,
): Promise<Revisions> {
  const { template } = set.spec;
  const collisionCount = set.status.collisionCount ?? 0;
  const revision = nextRevision(history);
  const data = revisionData(template);
  const same = history.findLast((one) => isSameRevision(one, data));
  const currentOr = (update: ControllerRevision): ControllerRevision =>
    history.find(({ metadata }) => metadata.name === set.status.currentRevision) ?? update;
  if (same && isEqual(same.data, history.at(-1)!.data)) {
    const update = history.at(-1)!;
    return { current: currentOr(update), update, collisionCount };
  }
  if (same) {
    // Rolled back: the old revision becomes the newest.
    const update = await context.cluster.update(controllerRevisions, { ...same, revision });
    return { current: currentOr(update), update, collisionCount };
  }
  const proposal = { owner: set, ownerKind: statefulSets, template, revision };
  const created = await createRevision(proposal, collisionCount, context);
  return {
    current: currentOr(created.revision),
    update: created.revision,
    collisionCount: created.collisionCount,
  };
}

const revisionOf = (pod: Pod | DraftPod): string => pod.metadata.labels?.[revisionLabel] ?? '';

type Replica = Pod | DraftPod;

const isCreated = (pod: Replica): pod is Pod => Boolean((pod as Pod).status?.phase);
const isTerminating = (pod: Replica): boolean => pod.metadata.deletionTimestamp !== undefined;
const isRunningAndReady = (pod: Replica): boolean =>
  isCreated(pod) && pod.status.phase === 'Running' && isReady(pod);

/** One pass over one set: what there is, what to do next, what to say. */
class Pass {
  readonly #set: StatefulSet;
  readonly #revisions: Revisions;
  readonly #pods: StatefulPods;
  readonly #now: number;

  constructor(
    set: StatefulSet,
    { revisions, context }: { readonly revisions: Revisions; readonly context: ReconcileContext },
  ) {
    this.#set = set;
    this.#revisions = revisions;
    this.#pods = new StatefulPods(set, context);
    this.#now = context.clock.now();
  }

  async run(owned: readonly Pod[]): Promise<{ status: StatefulSetStatus; failure?: Error }> {
    const status = this.#statusOf(owned);
    if (this.#set.metadata.deletionTimestamp) return { status };
    const { replicas, condemned } = this.#sort(owned);
    const everything = [...replicas, ...condemned];
    const firstUnavailable = [...replicas, ...condemned.toReversed()].find((pod) =>
      this.#isUnavailable(pod),
    );
    const isOrdered = this.#set.spec.podManagementPolicy !== 'Parallel';
    try {
      const steps = [
        () => this.#forAll(replicas, isOrdered, (pod) => this.#keep(pod, isOrdered)),
        () => this.#forAll(condemned, isOrdered, (pod) => this.#keepClaims(pod)),
        () =>
          this.#forAll(condemned, isOrdered, (pod) =>
            this.#condemn(pod, isOrdered, firstUnavailable),
          ),
      ];
      for (const step of steps) if (await step()) return { status: this.#statusOf(everything) };
      const final = this.#statusOf(everything);
      return { status: await this.#roll(replicas, final) };
    } catch (error) {
      return { status: this.#statusOf(everything), failure: asError(error) };
    }
  }

  /** Places pods by ordinal; what has no place is condemned, highest first. */
  #sort(owned: readonly Pod[]): { replicas: Replica[]; condemned: Pod[] } {
    const set = this.#set;
    const start = startOf(set);
    const byOrdinal = new Map<number, Pod>();
    const condemned: Pod[] = [];
    for (const pod of owned) {
      const ordinal = ordinalOf(pod);
      if (isInRange(set, ordinal)) byOrdinal.set(ordinal, pod);
      else if (ordinal >= 0) condemned.push(pod);
    }
    const replicas = Array.from({ length: replicasOf(set) }, (_, at) => {
      const ordinal = start + at;
      return byOrdinal.get(ordinal) ?? this.#newPod(ordinal);
    });
    return { replicas, condemned: condemned.sort((a, b) => ordinalOf(b) - ordinalOf(a)) };
  }

  /** By the current revision below the partition (or what is not updated yet), else by the update's. */
  #newPod(ordinal: number): DraftPod {
    const set = this.#set;
    const { type, rollingUpdate } = set.spec.updateStrategy;
    const start = startOf(set);
    const isCurrent = rollingUpdate
      ? ordinal < start + (rollingUpdate.partition ?? 0)
      : type === 'RollingUpdate' && ordinal < start + (set.status.currentReplicas ?? 0);
    const revision = isCurrent ? this.#revisions.current : this.#revisions.update;
    const template = templateOf(revision) ?? set.spec.template;
    return newPod(set, { template, revision: revision.metadata.name }, ordinal);
  }

  /** In order, ending at the first that says so; or all at once in growing batches. */
  async #forAll<T extends Replica>(
    list: readonly T[],
    isOrdered: boolean,
    act: (pod: T) => Promise<boolean>,
  ): Promise<boolean> {
    if (isOrdered) {
      for (const pod of list) if (await act(pod)) return true;
      return false;
    }
    let done = 0;
    for (let size = Math.min(list.length, 1); size > 0;) {
      const batch = list.slice(done, done + size);
      const results = await Promise.allSettled(batch.map(act));
      const failed = results.filter((result) => result.status === 'rejected');
      if (failed.length === 1) throw failed[0]!.reason;
      if (failed.length > 1)
        throw new Error(aggregated(failed.map(({ reason }) => messageOf(reason))));
      done += size;
      size = Math.min(2 * size, list.length - done, largestBatch);
    }
    return false;
  }

  /** True when nothing after this pod may be touched now. */
  async #keep(pod: Replica, isOrdered: boolean): Promise<boolean> {
    if (!isCreated(pod)) {
      if (this.#pods.hasStaleClaim(pod)) return true;
      await this.#pods.create(pod);
      if (isOrdered) return true;
      return false;
    }
    const { phase } = pod.status;
    if (phase === 'Failed' || phase === 'Succeeded') {
      if (!isTerminating(pod)) await this.#pods.delete(pod);
      return true;
    }
    if (phase === 'Pending') await this.#pods.completeClaims(pod);
    if (isOrdered && (isTerminating(pod) || !isRunningAndReady(pod) || !this.#isAvailable(pod)))
      return true;
    if (
      hasIdentity(this.#set, pod) &&
      hasStorage(this.#set, pod) &&
      this.#pods.isRetentionKept(pod)
    )
      return false;
    await this.#pods.repair(pod);
    return false;
  }

  async #keepClaims(pod: Pod): Promise<boolean> {
    if (!this.#pods.isRetentionKept(pod)) await this.#pods.keepRetention(pod);
    return false;
  }

  async #condemn(
    pod: Pod,
    isOrdered: boolean,
    firstUnavailable: Replica | undefined,
  ): Promise<boolean> {
    if (isTerminating(pod)) return isOrdered;
    const isWaiting = !isRunningAndReady(pod) || !this.#isAvailable(pod);
    if (isOrdered && isWaiting && pod !== firstUnavailable) return true;
    await this.#pods.delete(pod);
    return true;
  }

  /** Deletes the highest pod that is not of the update revision, once all above it are available. */
  async #roll(replicas: readonly Replica[], status: StatefulSetStatus): Promise<StatefulSetStatus> {
    const { type, rollingUpdate } = this.#set.spec.updateStrategy;
    if (type === 'OnDelete') return status;
    const { update } = this.#revisions;
    for (let at = replicas.length - 1; at >= (rollingUpdate?.partition ?? 0); at--) {
      const pod = replicas[at]!;
      if (revisionOf(pod) !== update.metadata.name && !isTerminating(pod)) {
        await this.#pods.delete(pod as Pod);
        return { ...status, currentReplicas: (status.currentReplicas ?? 0) - 1 };
      }
      if (this.#isUnavailable(pod)) return status;
    }
    return status;
  }

  #isAvailable(pod: Replica): boolean {
    return isCreated(pod) && isAvailable(pod, this.#set.spec.minReadySeconds ?? 0, this.#now);
  }

  #isUnavailable(pod: Replica): boolean {
    return !this.#isAvailable(pod) || isTerminating(pod);
  }

  #statusOf(list: readonly Replica[]): StatefulSetStatus {
    const { current, update, collisionCount } = this.#revisions;
    const counts = { replicas: 0, ready: 0, available: 0, current: 0, updated: 0 };
    for (const pod of list) {
      if (!isCreated(pod)) continue;
      counts.replicas++;
      if (isRunningAndReady(pod)) {
        counts.ready++;
        if (this.#isAvailable(pod)) counts.available++;
      }
      if (isTerminating(pod)) continue;
      if (revisionOf(pod) === current.metadata.name) counts.current++;
      if (revisionOf(pod) === update.metadata.name) counts.updated++;
    }
    return {
      observedGeneration: this.#set.metadata.generation ?? 0,
      replicas: counts.replicas,
      readyReplicas: counts.ready,
      availableReplicas: counts.available,
      currentReplicas: counts.current,
      updatedReplicas: counts.updated,
      currentRevision: current.metadata.name,
      updateRevision: update.metadata.name,
      collisionCount,
    };
  }
}

async function report(
  set: StatefulSet,
  counted: StatefulSetStatus,
  context: ReconcileContext,
): Promise<void> {
  const wanted = replicasOf(set);
  const isComplete =
    set.spec.updateStrategy.type === 'RollingUpdate' &&
    counted.updatedReplicas === wanted &&
    counted.readyReplicas === wanted &&
    counted.replicas === wanted;
  const { updatedReplicas = 0, updateRevision } = counted;
  const status = isComplete
    ? { ...counted, currentReplicas: updatedReplicas, currentRevision: updateRevision! }
    : counted;
  const { replicas, availableReplicas, collisionCount, ...others } = status;
  const before = set.status;
  const shown = { replicas, availableReplicas, ...compact(others) };
  const { conditions: _, collisionCount: __, ...known } = before;
  if (isEqual(known, shown)) return;
  await writeStatus(context, statefulSets, set, {
    ...shown,
    ...(collisionCount !== undefined && { collisionCount }),
  });
}
