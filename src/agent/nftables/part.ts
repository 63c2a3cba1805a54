/** A chain's rules in order. A base chain has a `hook`: `type nat hook prerouting priority -100`. */
export interface Chain {
  readonly hook?: string;
  readonly rules: readonly string[];
}

/** What one owner contributes to a table: a service, a pod, or the table's own frame. */
export interface TablePart {
  readonly chains?: ReadonlyMap<string, Chain>;
  /** Sets and maps by name: `set { type ipv4_addr }`, `map { type ipv4_addr : verdict }`. */
  readonly sets?: ReadonlyMap<string, string>;
  /** Elements by set and key; the value of a map's element, '' for a set's. */
  readonly elements?: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** A part while it is put together. */
export class PartBuilder implements TablePart {
  readonly chains = new Map<string, Chain>();
  readonly sets = new Map<string, string>();
  readonly elements = new Map<string, Map<string, string>>();

  chain(name: string, rules: readonly string[], hook?: string): this {
    this.chains.set(name, hook === undefined ? { rules } : { rules, hook });
    return this;
  }

  set(name: string, definition: string): this {
    this.sets.set(name, definition);
    return this;
  }

  element(set: string, key: string, value = ''): this {
    const elements = this.elements.get(set);
    if (elements) elements.set(key, value);
    else this.elements.set(set, new Map([[key, value]]));
    return this;
  }
}
