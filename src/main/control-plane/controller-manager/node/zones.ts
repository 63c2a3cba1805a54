import type { Node } from '#shared/api/types/core-v1.ts';

/** Upstream's defaults: nodes per second that may be tainted, and when a zone counts as in trouble. */
const normalRate = 0.1;
const secondaryRate = 0.01;
const largeZone = 50;
const unhealthyShare = 0.55;

export type ZoneState = 'Initial' | 'Normal' | 'PartialDisruption' | 'FullDisruption';

export function zoneOf({ metadata: { labels = {} } }: Node): string {
  const region = labels['topology.kubernetes.io/region'] ?? '';
  const zone = labels['topology.kubernetes.io/zone'] ?? '';
  return region || zone ? `${region}:\0:${zone}` : '';
}

/** Pure: how bad it is in a zone. */
export function zoneState(ready: number, silent: number): ZoneState {
  if (ready === 0 && silent > 0) return 'FullDisruption';
  if (silent > 2 && silent / (ready + silent) >= unhealthyShare) return 'PartialDisruption';
  return 'Normal';
}

export function rateOf(state: ZoneState, size: number): number {
  if (state === 'PartialDisruption') return size > largeZone ? secondaryRate : 0;
  return normalRate;
}

/** Nodes of one zone that are to be tainted, let through at the zone's rate. */
export class ZoneQueue {
  rate = normalRate;
  state: ZoneState = 'Initial';
  readonly #waiting = new Set<string>();
  #nextAt = 0;

  add(name: string): void {
    this.#waiting.add(name);
  }

  remove(name: string): void {
    this.#waiting.delete(name);
  }

  /** The next node whose turn it is, if any. */
  take(now: number): string | undefined {
    if (this.rate === 0 || now < this.#nextAt) return undefined;
    for (const name of this.#waiting) {
      this.#waiting.delete(name);
      this.#nextAt = now + 1000 / this.rate;
      return name;
    }
    return undefined;
  }
}
