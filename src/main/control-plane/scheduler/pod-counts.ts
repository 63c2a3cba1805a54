import type { PodInfo } from './pod-info.ts';
import { grown } from './topology.ts';

/** Which pods are counted; equal keys mean the same question. */
export interface PodQuestion {
  readonly key: string;
  /** `undefined` means every namespace. */
  readonly namespaces: ReadonlySet<string> | undefined;
  matches(pod: PodInfo): boolean;
}

/** How many pods on each node (by slot) answer one question; kept up to date. */
export interface PodCounter {
  readonly perNode: Int32Array;
}

interface Entry {
  readonly question: PodQuestion;
  perNode: Int32Array;
}

const maxCounters = 256;

/**
 * Counts of pods per node for the selectors that are in use, changed by one with each pod instead of
 * counted anew for each pod to be scheduled.
 */
export class PodCounts {
  /** In order of use, the longest unused first. */
  readonly #counters = new Map<string, Entry>();
  readonly #byNamespace = new Map<string, Set<PodInfo>>();
  #capacity = 64;

  counter(question: PodQuestion): PodCounter {
    const known = this.#counters.get(question.key);
    if (known) {
      this.#counters.delete(question.key);
      this.#counters.set(question.key, known);
      return known;
    }
    if (this.#counters.size >= maxCounters) {
      const [oldest] = this.#counters.keys();
      if (oldest !== undefined) this.#counters.delete(oldest);
    }
    const entry: Entry = { question, perNode: new Int32Array(this.#capacity) };
    for (const pod of this.#podsFor(question)) count(entry, pod, 1);
    this.#counters.set(question.key, entry);
    return entry;
  }

  /** The pod must know its node. */
  add(pod: PodInfo): void {
    const pods = this.#byNamespace.get(pod.namespace);
    if (pods) pods.add(pod);
    else this.#byNamespace.set(pod.namespace, new Set([pod]));
    for (const entry of this.#counters.values()) count(entry, pod, 1);
  }

  remove(pod: PodInfo): void {
    const pods = this.#byNamespace.get(pod.namespace);
    pods?.delete(pod);
    if (pods?.size === 0) this.#byNamespace.delete(pod.namespace);
    for (const entry of this.#counters.values()) count(entry, pod, -1);
  }

  /** Makes room for a node's slot. */
  reserve(slot: number): void {
    if (slot < this.#capacity) return;
    this.#capacity = Math.max(slot + 1, 2 * this.#capacity);
    for (const entry of this.#counters.values())
      entry.perNode = grown(entry.perNode, this.#capacity, 0);
  }

  *#podsFor({ namespaces }: PodQuestion): Iterable<PodInfo> {
    const names = namespaces ?? this.#byNamespace.keys();
    for (const name of names) yield* this.#byNamespace.get(name) ?? [];
  }
}

function count({ question, perNode }: Entry, pod: PodInfo, by: 1 | -1): void {
  if (question.namespaces && !question.namespaces.has(pod.namespace)) return;
  const slot = pod.node?.slot;
  if (slot === undefined || !question.matches(pod)) return;
  perNode[slot] = (perNode[slot] ?? 0) + by;
}
