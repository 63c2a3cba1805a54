import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import type { Plugin, Rejection, Verdict } from './plugin.ts';
import type { Hopeless } from './search.ts';
import type { Candidate } from './preemption.ts';
import type { Profile } from './profile.ts';
import { grown } from './topology.ts';

const maxClasses = 32;

/** Results by a node's slot, each good until the node or the pods nominated to it change. */
class ByNode<T> {
  readonly #values: T[] = [];
  readonly #nominated: (readonly PodInfo[])[] = [];
  #generations = new Float64Array(64).fill(-1);

  /** Whether a result is known for the node as it is now. */
  has({ slot, generation }: NodeInfo, nominated: readonly PodInfo[]): boolean {
    return this.#generations[slot] === generation && this.#nominated[slot] === nominated;
  }

  get({ slot }: NodeInfo): T {
    return this.#values[slot]!;
  }

  set({ slot, generation }: NodeInfo, nominated: readonly PodInfo[], value: T): T {
    if (slot >= this.#generations.length) {
      const longer = new Float64Array(Math.max(slot + 1, 2 * this.#generations.length)).fill(-1);
      longer.set(this.#generations);
      this.#generations = longer;
    }
    this.#generations[slot] = generation;
    this.#nominated[slot] = nominated;
    this.#values[slot] = value;
    return value;
  }
}

/** Scores of one plugin, good until something on the node changes. */
export class ScoresByNode {
  #generations = new Float64Array(64).fill(-1);
  #scores = new Int32Array(64);

  /** Fills in what is known; the places of the others are returned. */
  recall(nodes: readonly NodeInfo[], scores: Int32Array): readonly number[] {
    const missing: number[] = [];
    for (let index = 0; index < nodes.length; index++) {
      const { slot, generation } = nodes[index]!;
      if (this.#generations[slot] === generation) scores[index] = this.#scores[slot]!;
      else missing.push(index);
    }
    return missing;
  }

  remember({ slot, generation }: NodeInfo, score: number): void {
    if (slot >= this.#scores.length) {
      const length = Math.max(slot + 1, 2 * this.#scores.length);
      const longer = new Float64Array(length).fill(-1);
      longer.set(this.#generations);
      this.#generations = longer;
      this.#scores = grown(this.#scores, length, 0);
    }
    this.#generations[slot] = generation;
    this.#scores[slot] = score;
  }
}

/** What is known about all pods that mean the same to plugins which look at one node alone. */
export class EquivalenceClass {
  hopeless: Hopeless | undefined;
  readonly #verdicts = new ByNode<Verdict>();
  readonly #scores = new Map<string, ScoresByNode>();
  readonly #victims = new ByNode<Candidate | Rejection>();

  /** Whether such a pod fits there. */
  verdict(node: NodeInfo, nominated: readonly PodInfo[], find: () => Verdict): Verdict {
    if (this.#verdicts.has(node, nominated)) return this.#verdicts.get(node);
    return this.#verdicts.set(node, nominated, find());
  }

  scores({ name }: Plugin): ScoresByNode {
    let scores = this.#scores.get(name);
    if (!scores) this.#scores.set(name, (scores = new ScoresByNode()));
    return scores;
  }

  /** Who would have to leave for such a pod. */
  victims(
    node: NodeInfo,
    nominated: readonly PodInfo[],
    select: () => Candidate | Rejection,
  ): Candidate | Rejection {
    if (this.#victims.has(node, nominated)) return this.#victims.get(node);
    return this.#victims.set(node, nominated, select());
  }
}

/** The classes of the pods that were tried last. */
export class Equivalences {
  /** The longest unused first. */
  readonly #classes = new Map<string, EquivalenceClass>();

  of({ schedulerName }: Profile, pod: PodInfo): EquivalenceClass {
    const key = `${schedulerName} ${pod.priority} ${pod.nodeKey}`;
    let found = this.#classes.get(key);
    if (found) this.#classes.delete(key);
    else {
      if (this.#classes.size >= maxClasses) {
        const [oldest] = this.#classes.keys();
        if (oldest !== undefined) this.#classes.delete(oldest);
      }
      found = new EquivalenceClass();
    }
    this.#classes.set(key, found);
    return found;
  }
}
