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
  readonly renewTime: string | undefined;
  readonly at: number;
}

/** Remembers when each node was last heard of. */
export class Heartbeats {
  readonly #seen = new Map<string, Seen>();

  /** True if the node has been silent for too long. */
  isSilent(node: Node, lease: Lease | undefined, now: number): boolean {
    const { name, creationTimestamp } = node.metadata;
    const ready = conditionOf(node.status.conditions, 'Ready');
    const known = this.#seen.get(name);
    const heartbeat = ready && (ready.lastHeartbeatTime ?? '');
    const renewTime = lease?.spec.renewTime;
    const isNews =
      !known ||
      known.heartbeat !== heartbeat ||
      (renewTime !== undefined && timeOf(known.renewTime) < timeOf(renewTime));
    const at = !known && !ready && !lease ? timeOf(creationTimestamp) : now;
    if (isNews) this.#seen.set(name, { heartbeat, renewTime: renewTime ?? known?.renewTime, at });
    const since = this.#seen.get(name)!.at;
    return now > since + (ready ? graceMs : startupGraceMs);
  }

  forget(name: string): void {
    this.#seen.delete(name);
  }

  /** After nobody could report, everybody gets a fresh chance. */
  restart(now: number): void {
    for (const [name, seen] of this.#seen) this.#seen.set(name, { ...seen, at: now });
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
