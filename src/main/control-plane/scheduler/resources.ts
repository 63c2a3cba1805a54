import { wholeUnits } from '#shared/kube/pod-requests.ts';
import { quantityMilliValue, quantityValue } from '#shared/kube/quantity.ts';

/** Amounts as numbers: CPU in thousandths, the rest in whole units. */
export interface Resources {
  milliCpu: number;
  memory: number;
  ephemeralStorage: number;
  /** Extended resources, huge pages, attachable volumes; absent while there are none. */
  scalars: Map<string, number> | undefined;
}

export function noResources(): Resources {
  return { milliCpu: 0, memory: 0, ephemeralStorage: 0, scalars: undefined };
}

/** What a node offers, pods included. */
export interface Allocatable extends Resources {
  pods: number;
}

export function allocatableOf(amounts: Readonly<Record<string, string>> | undefined): Allocatable {
  const result: Allocatable = { ...noResources(), pods: 0 };
  for (const [name, text] of Object.entries(amounts ?? {})) {
    if (name === 'cpu') result.milliCpu = quantityMilliValue(text);
    else if (name === 'pods') result.pods = quantityValue(text);
    else setAmount(result, name, quantityValue(text));
  }
  return result;
}

export function resourcesOf(amounts: ReadonlyMap<string, number>): Resources {
  const result = noResources();
  for (const [name, amount] of amounts) setAmount(result, name, wholeUnits(amount));
  return result;
}

export function addResources(total: Resources, more: Resources, sign: 1 | -1): void {
  total.milliCpu += sign * more.milliCpu;
  total.memory += sign * more.memory;
  total.ephemeralStorage += sign * more.ephemeralStorage;
  if (!more.scalars) return;
  total.scalars ??= new Map();
  for (const [name, amount] of more.scalars)
    total.scalars.set(name, (total.scalars.get(name) ?? 0) + sign * amount);
}

export function cloneResources<T extends Resources>(resources: T): T {
  return { ...resources, scalars: resources.scalars && new Map(resources.scalars) };
}

/** The amount of one resource by its API name. */
export function amountIn(resources: Resources, name: string): number {
  if (name === 'cpu') return resources.milliCpu;
  if (name === 'memory') return resources.memory;
  if (name === 'ephemeral-storage') return resources.ephemeralStorage;
  return resources.scalars?.get(name) ?? 0;
}

/** Fully qualified, outside kubernetes.io, and not a quota's name. */
export function isExtendedResource(name: string): boolean {
  if (!name.includes('/') || name.includes('kubernetes.io/')) return false;
  return !name.startsWith('requests.');
}

/** Resources that the scheduler counts by name, as upstream's IsScalarResourceName. */
export function isScalarResource(name: string): boolean {
  return (
    isExtendedResource(name) ||
    name.startsWith('hugepages-') ||
    name.includes('kubernetes.io/') ||
    name.startsWith('attachable-volumes-')
  );
}

function setAmount(resources: Resources, name: string, amount: number): void {
  if (name === 'cpu') resources.milliCpu = amount;
  else if (name === 'memory') resources.memory = amount;
  else if (name === 'ephemeral-storage') resources.ephemeralStorage = amount;
  else if (isScalarResource(name)) (resources.scalars ??= new Map()).set(name, amount);
}
