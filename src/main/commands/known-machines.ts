import { isIP } from 'node:net';
import type { NodeRecord } from '#main/clusters/node-records.ts';
import type { TunnelState } from '#main/provision/tunnel/node-tunnel.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Machine, MachineAddress, Machines } from '#shared/kube/machines.ts';

/** The machines on record, with since when each can be reached through its tunnel. */
export class KnownMachines implements Machines {
  readonly #clock: Clock;
  readonly #records = new Map<string, NodeRecord>();
  readonly #connectedSince = new Map<string, number>();
  readonly #listeners = new Set<(name: string) => void>();

  /** The cluster's clock. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  find(name: string): Machine | undefined {
    const record = this.#records.get(name);
    if (!record) return undefined;
    const connectedSince = this.#connectedSince.get(name);
    return {
      name,
      id: record.id,
      addresses: addressesOf(record),
      // One that was switched off looks like one that cannot be reached: nobody tells us.
      state: 'running',
      ...(connectedSince !== undefined && { connectedSince }),
    };
  }

  list(): readonly NodeRecord[] {
    return [...this.#records.values()];
  }

  subscribe(listener: (name: string) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  put(record: NodeRecord): void {
    this.#records.set(record.name, record);
    this.#tell(record.name);
  }

  remove(name: string): void {
    this.#records.delete(name);
    this.#connectedSince.delete(name);
    this.#tell(name);
  }

  /** The tunnel to the machine stands, or no longer does. */
  readonly entered = (name: string, { phase }: TunnelState): void => {
    if ((phase === 'connected') === this.#connectedSince.has(name)) return;
    if (phase === 'connected') this.#connectedSince.set(name, this.#clock.elapsed());
    else this.#connectedSince.delete(name);
    this.#tell(name);
  };

  #tell(name: string): void {
    for (const listener of this.#listeners) listener(name);
  }
}

/** What it was added by, where that is an address; this machine's own are not known to others. */
function addressesOf({ name, machine }: NodeRecord): readonly MachineAddress[] {
  const own: MachineAddress = { type: 'Hostname', address: name };
  const isAddress = machine.type === 'ssh' && isIP(machine.host) !== 0;
  return isAddress ? [{ type: 'InternalIP', address: machine.host }, own] : [own];
}
