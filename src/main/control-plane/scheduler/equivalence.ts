import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import type { ActiveFilter, Plugin, Refusals, Verdict } from './plugin.ts';
import type { Candidate } from './preemption.ts';
import type { Profile } from './profile.ts';
import type { Rejection } from './plugin.ts';
import { grown } from './topology.ts';

const maxClasses = 32;

/** Results by a node's slot, each good until something on that node changes. */
class ByNode<T> {
  readonly #values: T[] = [];
  #generations = new Float64Array(64).fill(-1);

  /** Whether a result is known for the node as it is now. */
  has({ slot, generation }: NodeInfo): boolean {
    return slot < this.#generations.length && this.#generations[slot] === generation;
  }

  get({ slot }: NodeInfo): T {
    return this.#values[slot]!;
  }

  set({ slot, generation }: NodeInfo, value: T): T {
    if (slot >= this.#generations.length) {
      const longer = new Float64Array(Math.max(slot + 1, 2 * this.#generations.length)).fill(-1);
      longer.set(this.#generations);
      this.#generations = longer;
    }
    this.#generations[slot] = generation;
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
  readonly #verdicts = new ByNode<Verdict>();
  readonly #scores = new Map<string, ScoresByNode>();
  readonly #victims = new Map<number, ByNode<Candidate | Rejection>>();
  /** The outcome of a search that found no node, and the generation of the snapshot it holds for. */
  hopeless: { readonly generation: number; readonly refusals: Refusals } | undefined;

  /** What these filters, which look at the node alone, say about it. */
  verdict(filters: readonly ActiveFilter[], pod: PodInfo, node: NodeInfo): Verdict {
    if (this.#verdicts.has(node)) return this.#verdicts.get(node);
    for (let index = 0; index < filters.length; index++) {
      const { plugin, state } = filters[index]!;
      const verdict = plugin.filter?.(state, pod, node);
      if (verdict) return this.#verdicts.set(node, verdict);
    }
    return this.#verdicts.set(node, undefined);
  }

  scores({ name }: Plugin): ScoresByNode {
    let scores = this.#scores.get(name);
    if (!scores) this.#scores.set(name, (scores = new ScoresByNode()));
    return scores;
  }

  /** Who would have to leave the node for a pod of this priority. */
  victims(
    priority: number,
    node: NodeInfo,
    select: () => Candidate | Rejection,
  ): Candidate | Rejection {
    let known = this.#victims.get(priority);
    if (!known) this.#victims.set(priority, (known = new ByNode()));
    return known.has(node) ? known.get(node) : known.set(node, select());
  }
}

/** The classes of the pods that were tried last. */
export class Equivalences {
  /** The longest unused first. */
  readonly #classes = new Map<string, EquivalenceClass>();

  of({ schedulerName }: Profile, pod: PodInfo): EquivalenceClass {
    const key = `${schedulerName} ${pod.nodeKey}`;
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
