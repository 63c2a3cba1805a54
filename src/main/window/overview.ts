import { sleep, type Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import { deployments } from '#shared/api/apps/deployment.ts';
import { replicaSets } from '#shared/api/apps/replica-set.ts';
import { jobs } from '#shared/api/batch/job.ts';
import { events } from '#shared/api/core/event.ts';
import { nodes } from '#shared/api/core/node.ts';
import { persistentVolumeClaims } from '#shared/api/core/persistent-volume-claim.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { Informer } from '#shared/client/informer.ts';
import type { Handlers } from '#shared/contract/contract.ts';
import type { overviewOperations, OverviewNow, ProblemsNow } from '#shared/contract/overview.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';
import { activityOf } from '#shared/overview/activity.ts';
import { capacityOf, wholeOf } from '#shared/overview/capacity.ts';
import { editsOf } from '#shared/overview/edits.ts';
import { problemsIn } from '#shared/overview/diagnoses/index.ts';

export interface OverviewServices {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
}

/** How often the cluster as a whole is looked at, and how long it is kept in sight for nobody. */
const everyMs = 1_000;
const idleMs = 10_000;

const problemsAtOnce = 200;
const nodesAtOnce = 20;
const linesOfActivity = 50;

/**
 * Tells windows how the cluster is. The objects stay here: a window is told what follows from them, and
 * costs the same for ten pods and ten thousand.
 */
export function overviewHandlers(
  services: OverviewServices,
): Handlers<typeof overviewOperations> & AsyncDisposable {
  const { clock } = services;
  const knowing = new Shared(services);

  async function* told<T>(
    signal: AbortSignal,
    answer: (known: Known) => T,
  ): AsyncGenerator<T, void> {
    using lease = knowing.lease();
    const { known } = lease;
    const stopped = new Promise((resolve) => signal.addEventListener('abort', resolve));
    await Promise.race([known.synced, stopped]);
    let seen = -1;
    let last = '';
    while (!signal.aborted) {
      if (known.changes !== seen) {
        seen = known.changes;
        const now = answer(known);
        const text = JSON.stringify(now);
        if (text !== last) yield now;
        last = text;
      }
      await sleep(clock, everyMs, signal);
    }
  }

  return {
    problems: (_input, { signal }) => told(signal, problemsNow),
    overview: (_input, { signal }) => told(signal, overviewNow),
    [Symbol.asyncDispose]: () => knowing.end(),
  };
}

function problemsNow(known: Known): ProblemsNow {
  const problems = problemsIn({
    nodes: [...known.nodes.values()],
    pods: [...known.pods.values()],
    deployments: [...known.deployments.values()],
    replicaSets: [...known.replicaSets.values()],
    claims: [...known.claims.values()],
    jobs: [...known.jobs.values()],
  });
  const bySection: Record<string, number> = {};
  for (const { fixes } of problems) {
    const section = fixes.at(-1)?.section ?? 'overview';
    bySection[section] = (bySection[section] ?? 0) + 1;
  }
  return {
    problems: problems.slice(0, problemsAtOnce),
    problemCount: problems.length,
    bySection,
    nodeCount: known.nodes.size,
  };
}

function overviewNow(known: Known): OverviewNow {
  const capacity = capacityOf(known.nodes.values(), known.pods.values());
  return {
    whole: wholeOf(known.nodes.values(), known.pods.values()),
    waitingPods: waitingIn(known.pods.values()),
    fullest: capacity.slice(0, nodesAtOnce),
    activity: activityOf(known.events.values(), editsOf(known.edited()), linesOfActivity),
  };
}

function waitingIn(all: Iterable<Pod>): number {
  let count = 0;
  for (const { spec, metadata } of all)
    if (!spec.nodeName && metadata.deletionTimestamp === undefined) count++;
  return count;
}

/** One look at the cluster for all windows, for as long as there are any. */
class Shared {
  readonly #services: OverviewServices;
  #known: Known | undefined;
  #users = 0;
  #idle: Disposable | undefined;

  constructor(services: OverviewServices) {
    this.#services = services;
  }

  lease(): Disposable & { readonly known: Known } {
    this.#idle?.[Symbol.dispose]();
    this.#users++;
    const known = (this.#known ??= new Known(this.#services));
    return { known, [Symbol.dispose]: () => this.#release() };
  }

  async end(): Promise<void> {
    this.#idle?.[Symbol.dispose]();
    const ending = this.#known;
    this.#known = undefined;
    await ending?.[Symbol.asyncDispose]();
  }

  #release(): void {
    this.#users--;
    if (this.#users === 0) this.#idle = this.#services.clock.after(idleMs, () => void this.end());
  }
}

class Known implements AsyncDisposable {
  /** Goes up with every change of any object. */
  changes = 0;
  readonly synced: Promise<unknown>;
  readonly #services: OverviewServices;
  readonly #informers: Informer<KubeObject>[] = [];
  readonly nodes;
  readonly pods;
  readonly deployments;
  readonly replicaSets;
  readonly claims;
  readonly jobs;
  readonly events;

  constructor(services: OverviewServices) {
    this.#services = services;
    this.nodes = this.#informer(nodes);
    this.pods = this.#informer(pods);
    this.deployments = this.#informer(deployments);
    this.replicaSets = this.#informer(replicaSets);
    this.claims = this.#informer(persistentVolumeClaims);
    this.jobs = this.#informer(jobs);
    this.events = this.#informer(events);
    this.synced = Promise.all(this.#informers.map(({ synced }) => synced));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#informers.map((informer) => informer[Symbol.asyncDispose]()));
  }

  /** What people change by hand, mostly. */
  *edited(): Iterable<KubeObject> {
    for (const informer of [this.nodes, this.pods, this.deployments, this.claims, this.jobs])
      yield* informer.values() as Iterable<KubeObject>;
  }

  #informer<T extends KubeObject>(resource: Resource<T>): Informer<T> {
    const informer = new Informer({ ...this.#services, resource });
    informer.subscribe(() => void this.changes++);
    this.#informers.push(informer as unknown as Informer<KubeObject>);
    return informer;
  }
}
