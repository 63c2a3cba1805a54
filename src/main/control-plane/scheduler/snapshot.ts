import type { Node } from '#shared/api/types/core-v1.ts';
import { noLabels, type Labels } from './affinity-terms.ts';
import { ChangeLog } from './change-log.ts';
import { NodeInfo } from './node-info.ts';
import { PodCounts } from './pod-counts.ts';
import { PodInfo } from './pod-info.ts';
import { TermIndex } from './term-index.ts';
import { TopologyColumns } from './topology.ts';

/** An image and on how many nodes it is. */
export interface ImageState {
  readonly size: number;
  nodes: number;
}

/** How many nodes have something that could keep a pod away or make it less welcome. */
interface NodeTallies {
  unschedulable: number;
  hardTaints: number;
  softTaints: number;
}

/**
 * All that a scheduling decision looks at: nodes, the pods that count on them, and the sums and
 * indexes over both. Every change costs what changed. A decision is made within one turn, so it sees
 * one state without a copy.
 */
export class Snapshot {
  readonly counts = new PodCounts();
  readonly terms = new TermIndex();
  readonly columns = new TopologyColumns(() => this.#slotLabels());
  readonly tallies: NodeTallies = { unschedulable: 0, hardTaints: 0, softTaints: 0 };
  readonly images = new Map<string, ImageState>();
  /** `namespace/name` of a claim → how many pods on nodes use it. */
  readonly claimUses = new Map<string, number>();
  readonly #nodes = new Map<string, NodeInfo>();
  readonly #pods = new Map<string, PodInfo>();
  readonly #changes = new ChangeLog<NodeInfo>();
  readonly #freeSlots: number[] = [];
  #slots = 0;
  #order: readonly NodeInfo[] | undefined;

  /** Grows with every change of nodes or pods. */
  get generation(): number {
    return this.#changes.version;
  }

  /** The nodes that have changed; `undefined` when the generation is too long ago. */
  changedSince(generation: number): readonly NodeInfo[] | undefined {
    return this.#changes.since(generation);
  }

  /** Nodes in upstream's order: one of each zone in turn. */
  nodes(): readonly NodeInfo[] {
    return (this.#order ??= interleaveZones(this.#nodes.values()));
  }

  /** A node that exists. */
  get(name: string): NodeInfo | undefined {
    const info = this.#nodes.get(name);
    return info?.node && info;
  }

  /** A pod that counts on some node. */
  pod(uid: string): PodInfo | undefined {
    return this.#pods.get(uid);
  }

  pods(): Iterable<PodInfo> {
    return this.#pods.values();
  }

  setNode(node: Node): NodeInfo {
    const info = this.#nodeInfo(node.metadata.name ?? '');
    const before = info.node;
    const labelsBefore = info.labels;
    if (before) this.#tally(before, -1);
    info.setNode(node);
    this.#tally(node, 1);
    this.#touch(info);
    if (!before || zoneOf(before) !== zoneOf(node)) this.#order = undefined;
    if (!before || !sameLabels(labelsBefore, info.labels)) this.#relabel(info, labelsBefore);
    if (before?.status?.images !== node.status?.images) this.#countImages(before, node);
    return info;
  }

  removeNode(name: string): void {
    const info = this.#nodes.get(name);
    if (!info?.node) return;
    const labelsBefore = info.labels;
    this.#tally(info.node, -1);
    this.#countImages(info.node, undefined);
    info.setNode(undefined);
    this.#touch(info);
    this.#relabel(info, labelsBefore);
    this.#order = undefined;
    this.#dropIfEmpty(info);
  }

  addPod(pod: PodInfo, nodeName: string): void {
    this.removePod(pod.uid);
    const info = this.#nodeInfo(nodeName);
    pod.node = info;
    info.addPod(pod);
    this.#pods.set(pod.uid, pod);
    this.counts.add(pod);
    if (pod.terms) this.terms.add(pod.terms, info.labels);
    for (const name of pod.claimNames) this.#useClaim(`${pod.namespace}/${name}`, 1);
    this.#touch(info);
  }

  removePod(uid: string): PodInfo | undefined {
    const pod = this.#pods.get(uid);
    const info = pod?.node;
    if (!pod || !info) return undefined;
    this.#pods.delete(uid);
    info.removePod(uid);
    this.counts.remove(pod);
    if (pod.terms) this.terms.remove(pod.terms, info.labels);
    for (const name of pod.claimNames) this.#useClaim(`${pod.namespace}/${name}`, -1);
    pod.node = undefined;
    this.#touch(info);
    this.#dropIfEmpty(info);
    return pod;
  }

  /** An independent copy to try things on. */
  copy(): Snapshot {
    const copy = new Snapshot();
    for (const { node } of this.#nodes.values()) if (node) copy.setNode(node);
    for (const { pod, node } of this.#pods.values())
      if (node) copy.addPod(new PodInfo(pod), node.name);
    return copy;
  }

  #nodeInfo(name: string): NodeInfo {
    const known = this.#nodes.get(name);
    if (known) return known;
    const info = new NodeInfo(name, this.#freeSlots.pop() ?? this.#slots++);
    this.#nodes.set(name, info);
    this.counts.reserve(info.slot);
    return info;
  }

  #dropIfEmpty(info: NodeInfo): void {
    if (info.node || info.pods.length > 0) return;
    this.#nodes.delete(info.name);
    this.#freeSlots.push(info.slot);
  }

  #touch(info: NodeInfo): void {
    info.generation = this.#changes.add(info);
  }

  #relabel(info: NodeInfo, before: Labels): void {
    this.columns.set(info.slot, info.labels);
    for (const { terms } of info.pods) {
      if (!terms) continue;
      this.terms.remove(terms, before);
      this.terms.add(terms, info.labels);
    }
  }

  #tally({ spec }: Node, by: 1 | -1): void {
    if (spec?.unschedulable) this.tallies.unschedulable += by;
    const taints = spec?.taints;
    if (!taints?.length) return;
    if (taints.some(({ effect }) => effect === 'PreferNoSchedule')) this.tallies.softTaints += by;
    if (taints.some(({ effect }) => effect !== 'PreferNoSchedule')) this.tallies.hardTaints += by;
  }

  #countImages(before: Node | undefined, after: Node | undefined): void {
    for (const name of imageNames(before)) {
      const state = this.images.get(name);
      if (state && --state.nodes === 0) this.images.delete(name);
    }
    const counted = new Set<string>();
    for (const { names = [], sizeBytes = 0 } of after?.status?.images ?? []) {
      for (const name of names) {
        if (counted.has(name)) continue;
        counted.add(name);
        const state = this.images.get(name);
        if (state) state.nodes++;
        else this.images.set(name, { size: sizeBytes, nodes: 1 });
      }
    }
  }

  #useClaim(key: string, by: 1 | -1): void {
    const uses = (this.claimUses.get(key) ?? 0) + by;
    if (uses > 0) this.claimUses.set(key, uses);
    else this.claimUses.delete(key);
  }

  *#slotLabels(): Iterable<readonly [number, Labels]> {
    for (const { node, slot, labels } of this.#nodes.values())
      if (node) yield [slot, labels] as const;
  }
}

/** Every name of every image that a node reports, once. */
export function imageNames(node: Node | undefined): ReadonlySet<string> {
  return new Set(node?.status?.images?.flatMap(({ names }) => names ?? []));
}

function sameLabels(a: Labels, b: Labels): boolean {
  if (a === b) return true;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

function zoneOf({ metadata: { labels = noLabels } }: Node): string {
  const region =
    labels['topology.kubernetes.io/region'] ?? labels['failure-domain.beta.kubernetes.io/region'];
  const zone =
    labels['topology.kubernetes.io/zone'] ?? labels['failure-domain.beta.kubernetes.io/zone'];
  return `${region ?? ''}\0${zone ?? ''}`;
}

function interleaveZones(infos: Iterable<NodeInfo>): readonly NodeInfo[] {
  const zones = new Map<string, NodeInfo[]>();
  let total = 0;
  for (const info of infos) {
    if (!info.node) continue;
    total++;
    const zone = zoneOf(info.node);
    const known = zones.get(zone);
    if (known) known.push(info);
    else zones.set(zone, [info]);
  }
  const lists = [...zones.values()];
  const order: NodeInfo[] = [];
  for (let index = 0; order.length < total; index++) {
    for (const list of lists) {
      const info = list[index];
      if (info) order.push(info);
    }
  }
  return order;
}
