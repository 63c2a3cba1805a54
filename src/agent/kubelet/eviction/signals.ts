import { formatQuantity, parseQuantity, quantityValue } from '#shared/kube/quantity.ts';

/** What runs short, which condition of the node says so, and which resource pods are blamed for. */
export const signals = {
  'memory.available': { resource: 'memory', condition: 'MemoryPressure' },
  'nodefs.available': { resource: 'ephemeral-storage', condition: 'DiskPressure' },
  'nodefs.inodesFree': { resource: 'inodes', condition: 'DiskPressure' },
  'imagefs.available': { resource: 'ephemeral-storage', condition: 'DiskPressure' },
  'imagefs.inodesFree': { resource: 'inodes', condition: 'DiskPressure' },
  'pid.available': { resource: 'pids', condition: 'PIDPressure' },
} as const;

export type Signal = keyof typeof signals;
export type StarvedResource = (typeof signals)[Signal]['resource'];
export type Pressure = (typeof signals)[Signal]['condition'];

export const signalNames = Object.keys(signals) as readonly Signal[];

/** Upstream's hard thresholds: below them pods are ended at once. */
export const defaultThresholds: Thresholds = {
  'memory.available': '100Mi',
  'nodefs.available': '10%',
  'nodefs.inodesFree': '5%',
  'imagefs.available': '15%',
  'imagefs.inodesFree': '5%',
};

/** An amount (`100Mi`) or a part of the whole (`10%`). */
export type Thresholds = Readonly<Partial<Record<Signal, string>>>;

export interface Observation {
  readonly available: number;
  readonly capacity: number;
}

export type Observations = ReadonlyMap<Signal, Observation>;

/** A threshold that the node is below. */
export interface Starved {
  readonly signal: Signal;
  /** As amounts, written as upstream writes them. */
  readonly threshold: string;
  readonly available: string;
}

export function isThreshold(text: string): boolean {
  return /^\d+(\.\d+)?%$/.test(text) || parseQuantity(text) !== undefined;
}

/** Percentages are parts in the precision that upstream counts in. */
export function thresholdValue(text: string, capacity: number): number {
  if (!text.endsWith('%')) return quantityValue(text);
  return Math.trunc(capacity * Math.fround(Number(text.slice(0, -1)) / 100));
}

/** What the node is short of, memory first: that cannot wait. */
export function starvedOf(thresholds: Thresholds, observations: Observations): Starved[] {
  return signalNames.flatMap((signal) => {
    const { [signal]: threshold } = thresholds;
    const seen = observations.get(signal);
    if (threshold === undefined || !seen) return [];
    const limit = thresholdValue(threshold, seen.capacity);
    if (seen.available >= limit) return [];
    return [
      {
        signal,
        threshold: amountText(signals[signal].resource, limit),
        available: amountText(signals[signal].resource, seen.available),
      },
    ];
  });
}

export function amountText(resource: StarvedResource, amount: number): string {
  const format =
    resource === 'memory' || resource === 'ephemeral-storage' ? 'BinarySI' : 'DecimalSI';
  return formatQuantity({ nanos: BigInt(Math.trunc(amount)) * 1_000_000_000n, format });
}
