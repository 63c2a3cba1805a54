import { nodes } from '#shared/api/core/node.ts';
import { leases } from '#shared/api/coordination/lease.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { Node, Pod } from '#shared/api/types/core-v1.ts';
import type { Clock } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { timestamp } from '#shared/client/events.ts';
import { Informer } from '#shared/client/informer.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { keyOf } from '#shared/kube/object.ts';
import { requiredNodeTest } from '#shared/kube/node-selection.ts';

interface Sim {
  readonly hold?: boolean;
  readonly pending?: boolean;
  readonly unscheduled?: boolean;
  readonly linger?: boolean;
  readonly exit?: number;
  readonly exits?: Readonly<Record<string, number>>;
  readonly after?: number;
}

/** The small stand-in for scheduler and kubelet that the facts were recorded with. */
export class SimulatedKubelet implements AsyncDisposable {
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #seen = new Map<string, string>();
  readonly #dead = new Set<string>();
  readonly #running = new Set<Promise<void>>();
  #address = 0;
  #turn = 0;
  readonly errors: unknown[] = [];

  constructor(cluster: Cluster, clock: Clock) {
    this.#cluster = cluster;
    this.#clock = clock;
    this.pods = new Informer({ cluster, clock, log: silentLog, resource: pods });
    this.nodes = new Informer({ cluster, clock, log: silentLog, resource: nodes });
    this.pods.subscribe(({ after }) => {
      if (after) this.#start(this.#look(after));
    });
    this.nodes.subscribe(({ before, after }) => {
      if (after && !before) this.#beat(after.metadata.name);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pods[Symbol.asyncDispose]();
    await this.nodes[Symbol.asyncDispose]();
    await Promise.all(this.#running);
  }

  #start(work: Promise<void>): void {
    const guarded = work.catch((error: unknown) => {
      if (!ApiError.is(error, 'NotFound', 'Conflict')) this.errors.push(error);
    });
    this.#running.add(guarded);
    void guarded.finally(() => this.#running.delete(guarded));
  }

  kill(node: string): void {
    this.#dead.add(node);
  }

  #beat(name: string): void {
    const renew = async (): Promise<void> => {
      if (this.#dead.has(name) || !this.nodes.get(name)) return;
      const renewTime = new Date(this.#clock.now()).toISOString().replace('Z', '000Z');
      const key = { namespace: 'kube-node-lease', name };
      try {
        const lease = await this.#cluster.get(leases, key);
        await this.#cluster.update(leases, { ...lease, spec: { ...lease.spec, renewTime } });
      } catch (error) {
        if (!ApiError.is(error, 'NotFound')) throw error;
        await this.#cluster.create(leases, {
          metadata: key,
          spec: { holderIdentity: name, leaseDurationSeconds: 40, renewTime },
        });
      }
      this.#clock.after(10_000, () => this.#start(renew()));
    };
    this.#start(renew());
  }

  async #look(pod: Pod): Promise<void> {
    if (pod.spec.schedulerName !== 'sim') return;
    const { uid, deletionTimestamp } = pod.metadata;
    const stage = deletionTimestamp ? 'ending' : pod.spec.nodeName ? 'running' : 'new';
    if (this.#seen.get(uid) === stage) return;
    this.#seen.set(uid, stage);
    const sim = simOf(pod);
    if (stage === 'ending') await this.#end(pod, sim);
    else if (stage === 'new') await this.#bind(pod, sim);
    else if (!sim.pending) this.#clock.after(30, () => this.#start(this.#run(pod, sim)));
  }

  async #bind(pod: Pod, sim: Sim): Promise<void> {
    if (sim.unscheduled) return;
    const test =
      requiredNodeTest(pod.spec) ?? ((node: Node) => node.metadata.name.startsWith('node-'));
    const fitting = [...this.nodes.values()].filter(
      (node) => test(node as never) && !node.metadata.deletionTimestamp,
    );
    if (fitting.length === 0) return;
    const node = fitting[this.#turn++ % fitting.length]!;
    const { namespace, name } = pod.metadata;
    const body = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name, namespace },
      target: { apiVersion: 'v1', kind: 'Node', name: node.metadata.name },
    };
    await this.#cluster.post(pods, { namespace, name, subresource: 'binding' }, body);
  }

  async #run(pod: Pod, sim: Sim): Promise<void> {
    const current = this.pods.get(keyOf(pod.metadata));
    if (current?.metadata.uid !== pod.metadata.uid || current.metadata.deletionTimestamp) return;
    const ip = `10.99.${Math.trunc(this.#address / 250)}.${(this.#address++ % 250) + 1}`;
    await this.write(current, {
      phase: 'Running',
      podIP: ip,
      podIPs: [{ ip }],
      startTime: timestamp(this.#clock.now()),
      ...this.#conditions(current, !sim.hold),
      containerStatuses: current.spec.containers.map(({ name, image = '' }) => ({
        name,
        image,
        imageID: 'x',
        ready: !sim.hold,
        restartCount: 0,
        state: { running: { startedAt: timestamp(this.#clock.now()) } },
        lastState: {},
      })),
    });
    const index = pod.metadata.annotations?.['batch.kubernetes.io/job-completion-index'] ?? '';
    const exit = sim.exits ? (sim.exits[index] ?? sim.exits['default']) : sim.exit;
    if (exit === undefined) return;
    this.#clock.after(sim.after ?? 0, () => this.#start(this.finish(keyOf(pod.metadata), exit)));
  }

  #conditions(pod: Pod, isReady: boolean, reason?: string): Partial<Pod['status']> {
    const now = timestamp(this.#clock.now());
    const others = (pod.status.conditions ?? []).filter(
      ({ type }) => type !== 'Ready' && type !== 'ContainersReady',
    );
    const status = isReady ? 'True' : 'False';
    const ready = ['Ready', 'ContainersReady'].map((type) => {
      const known = pod.status.conditions?.find((one) => one.type === type);
      const lastTransitionTime = known?.status === status ? known.lastTransitionTime! : now;
      return { type, status, lastTransitionTime, ...(reason && { reason }) };
    });
    return { conditions: [...others, ...ready] };
  }

  async write(pod: Pod, status: Partial<Pod['status']>): Promise<void> {
    const { namespace, name } = pod.metadata;
    for (;;)
      try {
        const fresh = await this.#cluster.get(pods, { namespace, name });
        if (fresh.metadata.uid !== pod.metadata.uid) return;
        const next = { ...fresh, status: { ...fresh.status, ...status } } as Pod;
        await this.#cluster.update(pods, next, { subresource: 'status' });
        return;
      } catch (error) {
        if (!ApiError.is(error, 'Conflict')) throw error;
      }
  }

  async setReady(pod: Pod, isReady: boolean): Promise<void> {
    await this.write(pod, this.#conditions(pod, isReady));
  }

  async finish(key: string, exitCode: number): Promise<void> {
    const pod = this.pods.get(key);
    if (!pod || pod.metadata.deletionTimestamp || isOver(pod)) return;
    await this.write(pod, this.#ended(pod, exitCode));
  }

  #ended(pod: Pod, exitCode: number): Partial<Pod['status']> {
    const now = timestamp(this.#clock.now());
    return {
      phase: exitCode === 0 ? 'Succeeded' : 'Failed',
      ...this.#conditions(pod, false, exitCode === 0 ? 'PodCompleted' : 'PodFailed'),
      containerStatuses: pod.spec.containers.map(({ name, image = '' }) => ({
        name,
        image,
        imageID: 'x',
        ready: false,
        restartCount: 0,
        state: {
          terminated: {
            exitCode,
            reason: exitCode === 0 ? 'Completed' : 'Error',
            startedAt: now,
            finishedAt: now,
          },
        },
        lastState: {},
      })),
    };
  }

  async #end(pod: Pod, sim: Sim): Promise<void> {
    if (!sim.linger && !this.#dead.has(pod.spec.nodeName ?? '')) await this.reap(pod);
  }

  /** Ends a terminating pod for good. */
  async reap(pod: Pod): Promise<void> {
    const { namespace, name, uid } = pod.metadata;
    if (pod.spec.restartPolicy !== 'Always' && !isOver(pod))
      await this.write(pod, this.#ended(pod, 137));
    await this.#cluster.delete(
      pods,
      { namespace, name },
      { gracePeriodSeconds: 0, preconditions: { uid } },
    );
  }
}

export const isOver = ({ status }: Pod): boolean =>
  status.phase === 'Failed' || status.phase === 'Succeeded';

function simOf({ metadata }: Pod): Sim {
  return JSON.parse(metadata.annotations?.['sim'] ?? '{}') as Sim;
}
