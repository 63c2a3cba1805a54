import { leases } from '#shared/api/coordination/lease.ts';
import { nodes } from '#shared/api/core/node.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { Lease } from '#shared/api/types/coordination-v1.ts';
import type { Node, Pod } from '#shared/api/types/core-v1.ts';
import { sleep } from '#shared/base/clock.ts';
import type { Machines } from '#shared/kube/machines.ts';
import type { EventRecorder, Writer } from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { keyOf } from '#shared/kube/object.ts';
import { conditionOf, isTrue, nowText } from './conditions.ts';
import { FairChance } from './node/fair-chance.ts';
import { Heartbeats, silentConditions } from './node/health.ts';
import { hasNoExecute, notReady, swapped, unreachable, writeTaints } from './node/taints.ts';
import { rateOf, ZoneQueue, zoneOf, zoneState, type ZoneState } from './node/zones.ts';
import { byNode } from './pods/disruption.ts';
import type { Host } from './runtime.ts';
import { createWriter, Sightings } from './writer.ts';

const periodMs = 5000;
const taintPeriodMs = 100;
const excluded = 'node.kubernetes.io/exclude-disruption';

/** Notices nodes that fall silent, says so on them and their pods, and taints them zone by zone. */
export function startNodeLifecycle(host: Host, machines?: Machines): AsyncDisposable {
  const lifecycle = new NodeLifecycle(host, machines);
  const running = lifecycle.run();
  return {
    async [Symbol.asyncDispose]() {
      lifecycle.stop();
      await running;
    },
  };
}

class NodeLifecycle {
  readonly #host: Host;
  readonly #cluster: Writer;
  readonly #events: EventRecorder;
  readonly #stop = new AbortController();
  readonly #machines: Machines | undefined;
  readonly #heartbeats: Heartbeats;
  readonly #zones = new Map<string, ZoneQueue>();
  readonly #known = new Map<string, string>();
  readonly #podsToMark = new Set<string>();
  #chance: FairChance | undefined;
  #hold: Disposable | undefined;

  constructor(host: Host, machines: Machines | undefined) {
    this.#host = host;
    this.#machines = machines;
    this.#heartbeats = new Heartbeats(host.clock);
    const cluster = host.clusterFor('node-controller');
    this.#cluster = createWriter(cluster, new Sightings(host.informers));
    this.#events = host.recorderFor('node-controller', cluster);
  }

  stop(): void {
    this.#stop.abort(new Error('The node lifecycle controller has been stopped'));
  }

  async run(): Promise<void> {
    const { informers, clock, log } = this.#host;
    const { signal } = this.#stop;
    informers.of(byNode.on).addIndex(byNode.name, byNode.of);
    const stopped = new Promise<void>((resolve) =>
      signal.addEventListener('abort', () => resolve(), { once: true }),
    );
    const used = [nodes, leases, pods].map((kind) => informers.of(kind as typeof nodes).synced);
    await Promise.race([Promise.all(used), stopped]);
    if (signal.aborted) return;
    // A cluster that has just come up was as deaf as one that slept.
    using _waking = clock.pauses?.onWake(() => this.#giveChance());
    if (clock.pauses) this.#giveChance();
    let nextCheck = clock.elapsed();
    while (!signal.aborted) {
      try {
        if (clock.elapsed() >= nextCheck) {
          await this.#check();
          nextCheck = clock.elapsed() + periodMs;
        }
        await this.#taintNext();
      } catch (error) {
        log.warn('Checking nodes failed; trying again', { error });
      }
      await sleep(clock, taintPeriodMs, signal).catch(() => undefined); // stopped: the loop ends
    }
    this.#hold?.[Symbol.dispose]();
  }

  /** Nothing ages from now on until the nodes that were well have said that they still are. */
  #giveChance(): void {
    const { clock, informers, log } = this.#host;
    const well: string[] = [];
    for (const node of informers.cache.list(nodes)) {
      // What was said before does not count as said since.
      this.#heartbeats.look(node, this.#leaseOf(node));
      if (isTrue(node.status.conditions, 'Ready')) well.push(node.metadata.name);
    }
    if (well.length === 0) return;
    log.info('Waiting for the nodes to report', { nodes: well.length });
    this.#hold ??= clock.pauses?.hold();
    this.#chance = new FairChance(well, clock.elapsed());
  }

  #endChance(): void {
    const { clock, log } = this.#host;
    const now = clock.elapsed();
    const connectedSince = (name: string): number | undefined => {
      if (!this.#machines) return 0;
      const machine = this.#machines.find(name);
      return machine ? machine.connectedSince : 0;
    };
    if (!this.#chance?.isOver(now, connectedSince)) return;
    const { awaited } = this.#chance;
    if (awaited.size > 0) log.warn('Nodes have not come back', { nodes: [...awaited] });
    else log.info('All nodes have reported');
    this.#chance = undefined;
    this.#hold?.[Symbol.dispose]();
    this.#hold = undefined;
    this.#heartbeats.restart();
  }

  #leaseOf({ metadata: { name } }: Node): Lease | undefined {
    return this.#host.informers.cache.get(leases, keyOf({ namespace: 'kube-node-lease', name }));
  }

  async #check(): Promise<void> {
    const all = [...this.#host.informers.cache.list(nodes)];
    this.#register(all);
    const zones = new Map<string, { ready: number; silent: number }>();
    for (const node of all) {
      try {
        const ready = await this.#checkNode(node);
        if (node.metadata.labels?.[excluded] !== undefined) continue;
        const counts = zones.get(zoneOf(node)) ?? { ready: 0, silent: 0 };
        if (ready === 'True') counts.ready++;
        else counts.silent++;
        zones.set(zoneOf(node), counts);
      } catch (error) {
        if (!ApiError.is(error, 'NotFound', 'Conflict')) throw error;
      }
    }
    this.#endChance();
    await this.#handleDisruption(zones, all);
  }

  #register(all: readonly Node[]): void {
    const there = new Set(all.map(({ metadata }) => metadata.name));
    for (const { metadata } of all) {
      if (this.#known.has(metadata.name)) continue;
      this.#known.set(metadata.name, metadata.uid);
      this.#tell(metadata.name, 'RegisteredNode', `Registered Node ${metadata.name} in Controller`);
    }
    for (const name of this.#known.keys()) {
      if (there.has(name)) continue;
      this.#tell(name, 'RemovingNode', `Removing Node ${name} from Controller`);
      this.#known.delete(name);
      this.#heartbeats.forget(name);
      this.#chance?.settle(name);
      for (const zone of this.#zones.values()) zone.remove(name);
    }
  }

  /** Node events name the node as its own uid does in upstream: by name. */
  #tell(name: string, reason: string, message: string): void {
    const metadata = { name, uid: this.#known.get(name) ?? name };
    const about = { apiVersion: 'v1', kind: 'Node', metadata };
    this.#events.record(about, 'Normal', reason, `Node ${name} event: ${message}`);
  }

  /** Returns the status of the node's Ready condition as it stands afterwards. */
  async #checkNode(node: Node): Promise<string> {
    const { clock } = this.#host;
    const { name } = node.metadata;
    if (this.#heartbeats.look(node, this.#leaseOf(node))) this.#chance?.settle(name);
    const observed = conditionOf(node.status.conditions, 'Ready')?.status ?? 'Unknown';
    let current = node;
    if (!this.#chance && this.#heartbeats.isSilent(node)) {
      const conditions = silentConditions(node, nowText(clock));
      if (conditions)
        current = await this.#cluster.updateStatus(nodes, {
          ...node,
          status: { ...node.status, conditions },
        });
    }
    const ready = conditionOf(current.status.conditions, 'Ready');
    if (!ready) return 'Unknown';
    await this.#planTaint(current, ready.status);
    if (ready.status !== 'True' && observed === 'True') {
      const message = `Node ${name} status is now: NodeNotReady`;
      this.#events.record(
        { apiVersion: 'v1', kind: 'Node', metadata: { name, uid: node.metadata.uid } },
        'Normal',
        'NodeNotReady',
        message,
      );
      this.#podsToMark.add(name);
    }
    if (this.#podsToMark.has(name)) await this.#markPods(name, ready.status === 'True');
    return ready.status;
  }

  async #planTaint(node: Node, ready: string): Promise<void> {
    const { name } = node.metadata;
    const zone = this.#zoneFor(node);
    if (ready === 'True') {
      zone.remove(name);
      await this.#swap(node, undefined, [notReady, unreachable]);
      return;
    }
    const [own, other] = ready === 'False' ? [notReady, unreachable] : [unreachable, notReady];
    if (hasNoExecute(node.spec, other)) await this.#swap(node, own, [other]);
    else if (!hasNoExecute(node.spec, own)) zone.add(name);
  }

  async #swap(node: Node, add: string | undefined, remove: readonly string[]): Promise<void> {
    const timeAdded = nowText(this.#host.clock);
    const taints = swapped(node, { ...(add !== undefined && { add }), remove, timeAdded });
    if (taints) await writeTaints(this.#cluster, node, taints);
  }

  #zoneFor(node: Node): ZoneQueue {
    const name = zoneOf(node);
    const zone = this.#zones.get(name) ?? new ZoneQueue();
    this.#zones.set(name, zone);
    return zone;
  }

  async #taintNext(): Promise<void> {
    const { clock, informers } = this.#host;
    if (this.#chance) return;
    for (const zone of this.#zones.values()) {
      const name = zone.take(clock.elapsed());
      const node = name === undefined ? undefined : informers.cache.get(nodes, name);
      const ready = conditionOf(node?.status.conditions, 'Ready')?.status;
      if (!node || !ready || ready === 'True') continue;
      const [own, other] = ready === 'False' ? [notReady, unreachable] : [unreachable, notReady];
      try {
        await this.#swap(node, own, [other]);
      } catch (error) {
        zone.add(name!);
        if (!ApiError.is(error, 'Conflict', 'NotFound')) throw error;
      }
    }
  }

  /** Pods of a silent node are no longer ready, whatever their last report said. */
  async #markPods(nodeName: string, isNodeReady: boolean): Promise<void> {
    const { informers } = this.#host;
    if (!isNodeReady)
      for (const pod of informers.cache.by(pods, 'node', nodeName)) await this.#markPod(pod);
    this.#podsToMark.delete(nodeName);
  }

  async #markPod(pod: Pod): Promise<void> {
    const conditions = pod.status.conditions ?? [];
    const ready = conditionOf(conditions, 'Ready');
    if (ready?.status !== 'True') return;
    const marked = {
      ...ready,
      status: 'False',
      lastTransitionTime: nowText(this.#host.clock),
    };
    try {
      await this.#cluster.updateStatus(pods, {
        ...pod,
        status: {
          ...pod.status,
          conditions: conditions.map((one) => (one === ready ? marked : one)),
        },
      });
      this.#events.record(pod, 'Warning', 'NodeNotReady', 'Node is not ready');
    } catch (error) {
      if (!ApiError.is(error, 'NotFound', 'Conflict')) throw error;
    }
  }

  /** When every zone is dead, it is rather us who are cut off: nobody is tainted then. */
  async #handleDisruption(
    counts: ReadonlyMap<string, { ready: number; silent: number }>,
    all: readonly Node[],
  ): Promise<void> {
    const states = new Map<string, ZoneState>();
    for (const [name, { ready, silent }] of counts) states.set(name, zoneState(ready, silent));
    for (const name of this.#zones.keys()) if (!counts.has(name)) this.#zones.delete(name);
    const isAllDead = [...states.values()].every((state) => state === 'FullDisruption');
    const wasAllDead = [...this.#zones.values()].every(({ state }) => state === 'FullDisruption');
    if (isAllDead && wasAllDead) return;
    if (isAllDead) {
      for (const node of all) await this.#swap(node, undefined, [notReady, unreachable]);
      for (const zone of this.#zones.values()) {
        zone.rate = 0;
        zone.state = 'FullDisruption';
      }
      return;
    }
    if (wasAllDead) this.#heartbeats.restart();
    for (const [name, state] of states) {
      const zone = this.#zones.get(name);
      const { ready, silent } = counts.get(name)!;
      if (!zone) continue;
      zone.rate = rateOf(state, ready + silent);
      zone.state = state;
    }
  }
}
