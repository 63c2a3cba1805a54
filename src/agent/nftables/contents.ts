import type { Chain, TablePart } from '#agent/nftables/part.ts';

/** What a table holds: every owner's part, added up. */
export interface Contents {
  readonly chains: ReadonlyMap<string, Chain>;
  readonly sets: ReadonlyMap<string, string>;
  readonly elements: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** What one thing was and is; absent before it is added and after it is gone. */
export interface Edit<T> {
  readonly was: T | undefined;
  readonly is: T | undefined;
}

/** What is different in a table. */
export interface ContentsChange {
  readonly chains: ReadonlyMap<string, Edit<Chain>>;
  readonly sets: ReadonlyMap<string, Edit<string>>;
  readonly elements: ReadonlyMap<string, ReadonlyMap<string, Edit<string>>>;
}

const nothing: TablePart = {};

/**
 * Adds up the parts and keeps the difference to what was last taken. Several owners may contribute
 * the same element or set: it stays until the last of them leaves. Where they disagree about an
 * element's value the first one is right.
 */
export class ContentsLedger {
  readonly #parts = new Map<string, TablePart>();
  readonly #chains = new Claims<Chain>();
  readonly #sets = new Claims<string>();
  readonly #elements = new Map<string, Claims<string>>();

  /** Replaces what the owner contributes; `undefined` ends it. */
  put(owner: string, part: TablePart | undefined): void {
    const old = this.#parts.get(owner) ?? nothing;
    if (part) this.#parts.set(owner, part);
    else this.#parts.delete(owner);
    const now = part ?? nothing;
    this.#chains.replace(owner, old.chains, now.chains);
    this.#sets.replace(owner, old.sets, now.sets);
    const names = new Set([...(old.elements?.keys() ?? []), ...(now.elements?.keys() ?? [])]);
    for (const set of names) {
      let claims = this.#elements.get(set);
      if (!claims) this.#elements.set(set, (claims = new Claims()));
      claims.replace(owner, old.elements?.get(set), now.elements?.get(set));
    }
  }

  owners(): IterableIterator<string> {
    return this.#parts.keys();
  }

  whole(): Contents {
    return {
      chains: this.#chains.whole(),
      sets: this.#sets.whole(),
      elements: new Map([...this.#elements].map(([set, claims]) => [set, claims.whole()])),
    };
  }

  /** What has changed since `settle`. */
  change(): ContentsChange {
    return {
      chains: this.#chains.change(isSameChain),
      sets: this.#sets.change(Object.is),
      elements: new Map(
        [...this.#elements]
          .map(([set, claims]) => [set, claims.change(Object.is)] as const)
          .filter(([, changed]) => changed.size > 0),
      ),
    };
  }

  /** From here on, changes are those to what is now. */
  settle(): void {
    this.#chains.settle();
    this.#sets.settle();
    for (const claims of this.#elements.values()) claims.settle();
  }
}

/** Who claims which value for a key, and which keys' values differ from the settled ones. */
class Claims<T> {
  readonly #claims = new Map<string, Map<string, T>>();
  readonly #settled = new Map<string, T>();
  readonly #touched = new Set<string>();

  replace(
    owner: string,
    old: ReadonlyMap<string, T> | undefined,
    now: ReadonlyMap<string, T> | undefined,
  ): void {
    for (const key of old?.keys() ?? []) {
      if (now?.has(key)) continue;
      const claims = this.#claims.get(key);
      claims?.delete(owner);
      if (claims?.size === 0) this.#claims.delete(key);
      this.#touched.add(key);
    }
    for (const [key, value] of now ?? []) {
      const claims = this.#claims.get(key);
      if (claims) claims.set(owner, value);
      else this.#claims.set(key, new Map([[owner, value]]));
      this.#touched.add(key);
    }
  }

  whole(): ReadonlyMap<string, T> {
    return new Map([...this.#claims.keys()].map((key) => [key, this.#valueOf(key)!]));
  }

  change(isSame: (a: T, b: T) => boolean): ReadonlyMap<string, Edit<T>> {
    const changed = new Map<string, Edit<T>>();
    for (const key of this.#touched) {
      const was = this.#settled.get(key);
      const is = this.#valueOf(key);
      const isEqual = was === undefined || is === undefined ? was === is : isSame(was, is);
      if (!isEqual) changed.set(key, { was, is });
    }
    return changed;
  }

  settle(): void {
    for (const key of this.#touched) {
      const value = this.#valueOf(key);
      if (value === undefined) this.#settled.delete(key);
      else this.#settled.set(key, value);
    }
    this.#touched.clear();
  }

  #valueOf(key: string): T | undefined {
    return this.#claims.get(key)?.values().next().value;
  }
}

function isSameChain(a: Chain, b: Chain): boolean {
  return (
    a.hook === b.hook &&
    a.rules.length === b.rules.length &&
    a.rules.every((rule, at) => rule === b.rules[at])
  );
}
