import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  mustParse,
  subtractQuantities,
  zeroQuantity,
  type Quantity,
} from '#shared/kube/quantity.ts';

/** Amounts by resource name, as upstream's quota package reckons with them. */
export type ResourceList = ReadonlyMap<string, Quantity>;

export const oneQuantity: Quantity = mustParse('1');

export function parseList(amounts: Readonly<Record<string, string>> | undefined): ResourceList {
  return new Map(Object.entries(amounts ?? {}).map(([name, text]) => [name, mustParse(text)]));
}

export function formatList(list: ResourceList): Record<string, string> {
  return Object.fromEntries([...list].map(([name, amount]) => [name, formatQuantity(amount)]));
}

export function addLists(left: ResourceList, right: ResourceList): ResourceList {
  const sum = new Map(left);
  for (const [name, amount] of right) {
    const known = sum.get(name);
    sum.set(name, known ? addQuantities(known, amount) : amount);
  }
  return sum;
}

/** What is left of `left`; never less than nothing. */
export function subtractLists(left: ResourceList, right: ResourceList): ResourceList {
  const rest = new Map<string, Quantity>();
  for (const [name, amount] of left) {
    const other = right.get(name);
    const difference = other ? subtractQuantities(amount, other) : amount;
    rest.set(name, difference.nanos > 0n ? difference : zeroQuantity);
  }
  for (const name of right.keys()) if (!rest.has(name)) rest.set(name, zeroQuantity);
  return rest;
}

export function pick(list: ResourceList, names: Iterable<string>): ResourceList {
  const wanted = new Set(names);
  return new Map([...list].filter(([name]) => wanted.has(name)));
}

export function withoutZeros(list: ResourceList): ResourceList {
  return new Map([...list].filter(([, { nanos }]) => nanos !== 0n));
}

/** Names whose amount is more than the limit that there is for them. */
export function exceeding(list: ResourceList, limits: ResourceList): string[] {
  return [...limits]
    .filter(([name, limit]) => {
      const amount = list.get(name);
      return amount !== undefined && compareQuantities(amount, limit) > 0;
    })
    .map(([name]) => name);
}
