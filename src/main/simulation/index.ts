import { nodeAddress, PodAddresses } from '#main/simulation/addresses.ts';
import { Heartbeats } from '#main/simulation/heartbeats.ts';
import { drainAndRemove } from '#main/simulation/leave.ts';
import { nodeIndex, nodeName, nodeObject } from '#main/simulation/node-object.ts';
import { holdsAddress, PodWorker, type SimulatedPlace } from '#main/simulation/pod-worker.ts';
import { nodes } from '#shared/api/core/node.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { Node } from '#shared/api/types/core-v1.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { Informer } from '#shared/client/informer.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { isSimulated } from '#shared/kube/simulated-nodes.ts';

export interface SimulationOptions {
  /** May read all nodes and pods, and drain: the cluster's administrator. */
  readonly cluster: Cluster;
  /** The API as `system:node:<name>`. */
  clusterFor(node: string): Cluster;
  readonly clock: Clock;
  readonly log: Log;
  /** What the nodes report as their kubelet's version. */
  readonly kubeletVersion: string;
  /** How many; absent: two, for as long as the cluster has no real node that is ready. */
  readonly count: number | undefined;
}

export interface Simulation extends AsyncDisposable {
  /** Resolves once all nodes are registered. */
  readonly ready: Promise<void>;
  /** Whether this node only pretends: its logs and terminals are not there. */
  isSimulated(node: string): boolean;
  /** Registers so many more; from then on they are wanted, and stay beside real ones. */
  add(count: number): Promise<AddedNodes>;
}

export interface AddedNodes {
  readonly names: readonly string[];
  /** With how many as `count` all of them come back. */
  readonly total: number;
}

const defaultCount = 2;
const registrationsAtOnce = 50;

/** Nodes that run nothing and say so, with kubelets that live in this process alone. */
export function startSimulation(options: SimulationOptions): Simulation {
  return new RunningSimulation(options);
}

interface SimulatedNode extends SimulatedPlace {
  readonly cluster: Cluster;
  addresses: PodAddresses | undefined;
}

class RunningSimulation implements Simulation {
  readonly ready: Promise<void>;
  readonly #options: SimulationOptions;
  readonly #nodes = new Map<string, SimulatedNode>();
  readonly #nodeInformer: Informer<Node>;
  readonly #podInformer;
  readonly #heartbeats: Heartbeats;
  readonly #worker: PodWorker;
  readonly #stop = new AbortController();
  #leaving: Promise<unknown> | undefined;
  #count: number | undefined;

  constructor(options: SimulationOptions) {
    const { cluster, clock, log } = options;
    this.#options = options;
    this.#count = options.count;
    const clusterFor = (name: string): Cluster =>
      this.#nodes.get(name)?.cluster ?? options.clusterFor(name);
    this.#nodeInformer = new Informer({ cluster, resource: nodes, clock, log });
    const indexes = { node: ({ spec }: { spec: { nodeName?: string } }) => [spec.nodeName ?? ''] };
    this.#podInformer = new Informer({ cluster, resource: pods, clock, log, indexes });
    const find = (name: string): Node | undefined => this.#nodeInformer.get(name);
    this.#heartbeats = new Heartbeats({ clock, log, clusterFor, find });
    this.#worker = new PodWorker({
      clock,
      log,
      clusterFor,
      find: (key) => this.#podInformer.get(key),
      placeOf: (name) => this.#nodes.get(name),
    });
    this.ready = this.#start();
  }

  isSimulated(node: string): boolean {
    return this.#nodes.has(node);
  }

  async add(count: number): Promise<AddedNodes> {
    await this.ready;
    // Those that are leaving as nobody asked for them must have gone, or they would take the new along.
    await this.#leaving;
    const free: number[] = [];
    for (let index = 0; free.length < count; index++)
      if (!this.#nodes.has(nodeName(index))) free.push(index);
    for (const index of free) this.#prepare(index);
    const total = this.#highest() + 1;
    this.#count = total;
    await this.#registerAll(free);
    return { names: free.map(nodeName), total };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('The simulation has been stopped'));
    await this.ready.catch(() => {}); // whoever waits for it hears of it
    await this.#leaving;
    await this.#worker[Symbol.asyncDispose]();
    await this.#heartbeats[Symbol.asyncDispose]();
    await this.#podInformer[Symbol.asyncDispose]();
    await this.#nodeInformer[Symbol.asyncDispose]();
  }

  async #start(): Promise<void> {
    const { signal } = this.#stop;
    const stopped = new Promise<'stopped'>((resolve) =>
      signal.addEventListener('abort', () => resolve('stopped'), { once: true }),
    );
    const synced = Promise.all([this.#nodeInformer.synced, this.#podInformer.synced]);
    if ((await Promise.race([synced, stopped])) === 'stopped') return;
    const all = [...this.#nodeInformer.values()];
    const hasReal = all.some((node) => nodeIndex(node) === undefined);
    const count = this.#count ?? (hasReal ? 0 : defaultCount);
    const indexes = Array.from({ length: count }, (_, index) => index);
    const surplus = all.filter((node) => (nodeIndex(node) ?? -1) >= count);
    for (const index of indexes) this.#prepare(index);
    // Those that leave live on until their pods have gone.
    for (const node of surplus) this.#prepare(nodeIndex(node)!);
    this.#nodeInformer.subscribe(({ after, before }) => this.#receiveNode(before, after));
    await this.#registerAll(indexes);
    this.#podInformer.subscribe((change) => this.#worker.receive(change));
    if (surplus.length > 0) this.#leave(surplus.map(({ metadata }) => metadata.name));
  }

  async #registerAll(indexes: readonly number[]): Promise<void> {
    for (let at = 0; at < indexes.length; at += registrationsAtOnce)
      await Promise.all(
        indexes.slice(at, at + registrationsAtOnce).map((index) => this.#register(index)),
      );
  }

  #highest(): number {
    let highest = -1;
    for (let index = 0, seen = 0; seen < this.#nodes.size; index++) {
      if (!this.#nodes.has(nodeName(index))) continue;
      seen++;
      highest = index;
    }
    return highest;
  }

  #prepare(index: number): void {
    const name = nodeName(index);
    const cluster = this.#options.clusterFor(name);
    this.#nodes.set(name, { hostIp: nodeAddress(index), cluster, addresses: undefined });
  }

  async #register(index: number): Promise<void> {
    if (this.#stop.signal.aborted) return;
    const name = nodeName(index);
    const { clock, kubeletVersion } = this.#options;
    const time = `${new Date(clock.now()).toISOString().slice(0, 19)}Z`;
    try {
      if (!this.#nodeInformer.get(name))
        await this.#nodes.get(name)!.cluster.create(nodes, nodeObject(index, kubeletVersion, time));
    } catch (error) {
      if (!ApiError.is(error, 'AlreadyExists')) throw error;
    }
  }

  #receiveNode(before: Node | undefined, after: Node | undefined): void {
    const { name } = (after ?? before)!.metadata;
    const own = this.#nodes.get(name);
    if (!own) {
      if (after && !isSimulated(after) && isReady(after)) this.#makeRoom();
      return;
    }
    if (!after) {
      this.#heartbeats.remove(name);
      this.#nodes.delete(name);
      return;
    }
    if (!before) this.#heartbeats.add(name);
    const { podCIDR } = after.spec;
    if (!podCIDR || own.addresses) return;
    own.addresses = new PodAddresses(podCIDR);
    for (const pod of this.#podInformer.by('node', name))
      if (pod.status.podIP && holdsAddress(pod)) own.addresses.reserve(pod.status.podIP);
    this.#worker.settle(name);
  }

  /** Nobody asked for the default nodes: they go when there is a real one to go to. */
  #makeRoom(): void {
    if (this.#count === undefined && this.#nodes.size > 0) this.#leave([...this.#nodes.keys()]);
  }

  #leave(names: readonly string[]): void {
    if (this.#leaving) return;
    const { cluster, clock, log } = this.#options;
    const { signal } = this.#stop;
    const podsOn = (node: string) => this.#podInformer.by('node', node);
    const leaving = names.map((name) =>
      drainAndRemove(name, { cluster, clock, log, podsOn, signal }),
    );
    this.#leaving = Promise.all(leaving).finally(() => {
      this.#leaving = undefined;
    });
  }
}

function isReady({ status }: Node): boolean {
  return (
    status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false
  );
}
