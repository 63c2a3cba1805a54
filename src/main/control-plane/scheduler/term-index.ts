import type { AffinityTerm, AffinityTerms, Labels, TermKind } from './affinity-terms.ts';

/** All running pods that carry the same term, counted by the value of its topology key. */
export interface TermGroup {
  readonly term: AffinityTerm;
  readonly counts: ReadonlyMap<string, number>;
}

interface Entry extends TermGroup {
  readonly counts: Map<string, number>;
  pods: number;
}

/** The (anti-)affinity terms of running pods, so that a pod is matched once against each different one. */
export class TermIndex {
  readonly #groups: Readonly<Record<TermKind, Map<string, Entry>>> = {
    requiredAffinity: new Map(),
    requiredAntiAffinity: new Map(),
    preferredAffinity: new Map(),
    preferredAntiAffinity: new Map(),
  };

  groups(kind: TermKind): Iterable<TermGroup> {
    return this.#groups[kind].values();
  }

  /** `labels` are those of the pods' node. */
  add(terms: AffinityTerms, labels: Labels): void {
    this.#each(terms, (groups, term) => {
      let group = groups.get(term.key);
      if (!group) groups.set(term.key, (group = { term, counts: new Map(), pods: 0 }));
      group.pods++;
      const value = labels[term.topologyKey];
      if (value !== undefined) group.counts.set(value, (group.counts.get(value) ?? 0) + 1);
    });
  }

  remove(terms: AffinityTerms, labels: Labels): void {
    this.#each(terms, (groups, term) => {
      const group = groups.get(term.key);
      if (!group) return;
      if (--group.pods === 0) groups.delete(term.key);
      const value = labels[term.topologyKey];
      if (value === undefined) return;
      const left = (group.counts.get(value) ?? 0) - 1;
      if (left > 0) group.counts.set(value, left);
      else group.counts.delete(value);
    });
  }

  #each(
    terms: AffinityTerms,
    visit: (groups: Map<string, Entry>, term: AffinityTerm) => void,
  ): void {
    for (const term of terms.requiredAffinity) visit(this.#groups.requiredAffinity, term);
    for (const term of terms.requiredAntiAffinity) visit(this.#groups.requiredAntiAffinity, term);
    for (const term of terms.preferredAffinity) visit(this.#groups.preferredAffinity, term);
    for (const term of terms.preferredAntiAffinity) visit(this.#groups.preferredAntiAffinity, term);
  }
}
