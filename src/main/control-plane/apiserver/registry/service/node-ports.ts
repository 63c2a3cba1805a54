import { randomInt } from 'node:crypto';
import type { ResourceCache } from '#main/control-plane/apiserver/storage/resource-cache.ts';
import type { Service } from '#shared/api/types/core-v1.ts';

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** The ports that services have on every node: those of all stored services, and those being given out. */
export class NodePorts {
  readonly #range: PortRange;
  readonly #used = new Map<number, number>();

  constructor(range: PortRange) {
    this.#range = range;
  }

  follow(services: ResourceCache): Disposable {
    return services.subscribe(({ before, after }) => {
      for (const port of portsOf(after as Service | undefined)) this.#count(port, 1);
      for (const port of portsOf(before as Service | undefined)) this.#count(port, -1);
    });
  }

  /** Throws with the reason as message. Until it is returned the port counts as used. */
  take(port: number): void {
    const { first, last } = this.#range;
    if (port < first || port > last) {
      throw new Error(
        `provided port is not in the valid range. The range of valid ports is ${first}-${last}`,
      );
    }
    this.checkFree(port);
    this.#count(port, 1);
  }

  /** All that upstream's dry run looks at. */
  checkFree(port: number): void {
    if (this.#used.has(port)) throw new Error('provided port is already allocated');
  }

  takeAny(): number {
    const { first, last } = this.#range;
    const size = last - first + 1;
    const start = randomInt(size);
    for (let step = 0; step < size; step++) {
      const port = first + ((start + step) % size);
      if (this.#used.has(port)) continue;
      this.#count(port, 1);
      return port;
    }
    throw new Error('failed to allocate a nodePort: range is full');
  }

  /** What was taken is stored now, or not wanted after all. */
  giveBack(port: number): void {
    this.#count(port, -1);
  }

  #count(port: number, change: number): void {
    const count = (this.#used.get(port) ?? 0) + change;
    if (count > 0) this.#used.set(port, count);
    else this.#used.delete(port);
  }
}

/** Each once, though a port may be used with several protocols. */
export function portsOf(service: Service | undefined): ReadonlySet<number> {
  const ports = new Set<number>();
  for (const { nodePort } of service?.spec.ports ?? []) if (nodePort) ports.add(nodePort);
  if (service?.spec.healthCheckNodePort) ports.add(service.spec.healthCheckNodePort);
  return ports;
}
