import { leaseNamespace, leaseObject, nodeConditions } from '#main/simulation/node-object.ts';
import { leases } from '#shared/api/coordination/lease.ts';
import { nodes } from '#shared/api/core/node.ts';
import type { Lease } from '#shared/api/types/coordination-v1.ts';
import type { Node } from '#shared/api/types/core-v1.ts';
import type { Clock } from '#shared/base/clock.ts';
import { KeyedLoop, exponential } from '#shared/base/keyed-loop.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { ApiError } from '#shared/kube/errors.ts';

export interface HeartbeatOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** The API as the node of this name. */
  clusterFor(node: string): Cluster;
  /** The node as it is known now. */
  find(name: string): Node | undefined;
}

const renewMs = 10_000;
const statusMs = 300_000;
/** Renewals are spread over so many turns, and all of them share one timer. */
const turns = 40;
const turnMs = renewMs / turns;
/** Many: what is late after a busy moment is written in few commits. */
const concurrency = 256;

/** Renews every node's lease each ten seconds and tells its status each five minutes, as kubelets do. */
export class Heartbeats implements AsyncDisposable {
  readonly #options: HeartbeatOptions;
  readonly #loop: KeyedLoop<string>;
  readonly #turns: readonly Set<string>[] = Array.from({ length: turns }, () => new Set());
  readonly #beats = new Map<string, { lease: Lease | undefined; statusAt: number; turn: number }>();
  /** The turn that was last, and when the next is due. */
  #turn = 0;
  #dueAt: number;
  #timer: Disposable | undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#loop = new KeyedLoop({
      clock: options.clock,
      concurrency,
      run: (name) => this.#beat(name),
      backoffMs: exponential(200, 7_000),
      onError: (node, error) => options.log.warn('Cannot send a heartbeat', { node, error }),
    });
    this.#dueAt = options.clock.elapsed() + turnMs;
    this.#schedule();
  }

  add(name: string): void {
    const turn = this.#beats.size % turns;
    this.#beats.set(name, { lease: undefined, statusAt: this.#options.clock.elapsed(), turn });
    this.#turns[turn]!.add(name);
    this.#loop.add(name);
  }

  remove(name: string): void {
    const beat = this.#beats.get(name);
    if (beat) this.#turns[beat.turn]!.delete(name);
    this.#beats.delete(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    await this.#loop[Symbol.asyncDispose]();
  }

  /** A timer that comes late makes up for the turns that were due meanwhile: no node is put off. */
  #schedule(): void {
    const { clock } = this.#options;
    this.#timer = clock.after(Math.max(this.#dueAt - clock.elapsed(), 0), () => {
      const due = Math.floor((clock.elapsed() - this.#dueAt) / turnMs) + 1;
      for (let count = Math.min(due, turns); count > 0; count--) this.#takeTurn();
      this.#dueAt += due * turnMs;
      this.#schedule();
    });
  }

  #takeTurn(): void {
    this.#turn = (this.#turn + 1) % turns;
    for (const name of this.#turns[this.#turn]!) this.#loop.add(name);
  }

  async #beat(name: string): Promise<void> {
    const beat = this.#beats.get(name);
    const node = this.#options.find(name);
    if (!beat || !node) return;
    const { clock } = this.#options;
    const cluster = this.#options.clusterFor(name);
    const renewTime = new Date(clock.now()).toISOString().replace('Z', '000Z');
    beat.lease = await this.#renew(cluster, { node, lease: beat.lease, renewTime });
    const isUnwell = node.status.conditions?.some(
      ({ type, status }) => type === 'Ready' && status !== 'True',
    );
    if (!isUnwell && clock.elapsed() - beat.statusAt < statusMs) return;
    const conditions = nodeConditions(`${renewTime.slice(0, 19)}Z`, node.status.conditions);
    const status = { ...node.status, conditions };
    await cluster.update(nodes, { ...node, status }, { subresource: 'status' });
    beat.statusAt = clock.elapsed();
  }

  async #renew(
    cluster: Cluster,
    { node, lease, renewTime }: { node: Node; lease: Lease | undefined; renewTime: string },
  ): Promise<Lease> {
    const renewed = (found: Lease): Lease => ({ ...found, spec: { ...found.spec, renewTime } });
    try {
      if (lease) return await cluster.update(leases, renewed(lease));
      return await cluster.create(leases, leaseObject(node, renewTime));
    } catch (error) {
      const key = { namespace: leaseNamespace, name: node.metadata.name };
      if (ApiError.is(error, 'AlreadyExists', 'Conflict'))
        return cluster.update(leases, renewed(await cluster.get(leases, key)));
      if (lease && ApiError.is(error, 'NotFound'))
        return cluster.create(leases, leaseObject(node, renewTime));
      throw error;
    }
  }
}
