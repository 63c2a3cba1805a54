import { ageOf, type Clock } from '#shared/base/clock.ts';
import type { Lease } from '#shared/api/types/coordination-v1.ts';
import type { Node, NodeCondition } from '#shared/api/types/core-v1.ts';
import { conditionOf } from '../conditions.ts';
import { timeOf } from '../values.ts';

const graceMs = 50_000;
const startupGraceMs = 60_000;
const watched = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'] as const;

/** What was last seen of a node, and when by our own clock: the node's may be wrong. */
interface Seen {
  readonly heartbeat: string | undefined;
  /** Of its lease: any change is a sign of life, wherever the node's clock stands. */
  readonly renewal: string | undefined;
  readonly at: number;
}

/** Remembers when each node was last heard of. */
export class Heartbeats {
  readonly #clock: Clock;
  readonly #seen = new Map<string, Seen>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True if the node has said something since the last look. */
  look({ metadata, status }: Node, lease: Lease | undefined): boolean {
    const { name, creationTimestamp } = metadata;
    const ready = conditionOf(status.conditions, 'Ready');
    const known = this.#seen.get(name);
    const heartbeat = ready && (ready.lastHeartbeatTime ?? '');
    const renewal = lease?.metadata.resourceVersion ?? known?.renewal;
    if (known && known.heartbeat === heartbeat && known.renewal === renewal) return false;
    const at = !known && !ready && !lease ? timeOf(creationTimestamp) : this.#clock.now();
    this.#seen.set(name, { heartbeat, renewal, at });
    return true;
  }

  /** True if the node has been silent for too long. */
  isSilent({ metadata, status }: Node): boolean {
    const seen = this.#seen.get(metadata.name);
    const grace = conditionOf(status.conditions, 'Ready') ? graceMs : startupGraceMs;
    return seen !== undefined && ageOf(this.#clock, seen.at) > grace;
  }

  forget(name: string): void {
    this.#seen.delete(name);
  }

  /** After nobody could report, everybody gets a fresh chance. */
  restart(): void {
    const at = this.#clock.now();
    for (const [name, seen] of this.#seen) this.#seen.set(name, { ...seen, at });
  }
}

/** The conditions of a node that has fallen silent; `undefined` if they say so already. */
export function silentConditions(node: Node, at: string): readonly NodeCondition[] | undefined {
  const conditions = [...(node.status.conditions ?? [])];
  let isNews = false;
  for (const type of watched) {
    const index = conditions.findIndex((one) => one.type === type);
    const known = conditions[index];
    if (known?.status === 'Unknown') continue;
    isNews = true;
    if (known)
      conditions[index] = {
        ...known,
        status: 'Unknown',
        reason: 'NodeStatusUnknown',
        message: 'Kubelet stopped posting node status.',
        lastTransitionTime: at,
      };
    else
      conditions.push({
        type,
        status: 'Unknown',
        reason: 'NodeStatusNeverUpdated',
        message: 'Kubelet never posted node status.',
        lastHeartbeatTime: node.metadata.creationTimestamp,
        lastTransitionTime: at,
      });
  }
  return isNews ? conditions : undefined;
}
