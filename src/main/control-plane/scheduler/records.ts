import type { Decision } from './cycle.ts';
import type { QueuedPod, QueueStep } from './queued-pod.ts';

/** One attempt to schedule a pod, as plain data. */
export interface AttemptRecord {
  readonly pod: { readonly namespace: string; readonly name: string; readonly uid: string };
  readonly schedulerName: string;
  /** Milliseconds. */
  readonly at: number;
  readonly tookMs: number;
  readonly attempt: number;
  /** The cluster event, or the scheduler's own doing, that led to the attempt. */
  readonly wokenBy: string;
  readonly queueHistory: readonly QueueStep[];
  readonly result: 'Scheduled' | 'Unschedulable' | 'SchedulerError';
  readonly node?: string;
  readonly message?: string;
  readonly nominatedNode?: string;
  readonly victims?: readonly string[];
  /** The plugin that refused all nodes before they were looked at. */
  readonly refusedEverywhere?: NodeRefusal;
  readonly refused: Readonly<Record<string, NodeRefusal>>;
  readonly feasible: readonly string[];
  /** Per plugin, in the order of `feasible`. */
  readonly scores: readonly {
    readonly plugin: string;
    readonly weight: number;
    readonly raw: readonly number[];
    readonly normalized: readonly number[];
  }[];
  readonly totals: readonly number[];
}

export interface NodeRefusal {
  readonly plugin: string;
  readonly reasons: readonly string[];
  /** Evicting other pods would help. */
  readonly isResolvable: boolean;
}

interface Entry {
  readonly decision: Decision;
  readonly at: number;
  readonly tookMs: number;
  readonly attempt: number;
  readonly history: readonly QueueStep[];
}

/** The last attempts, kept as they were made and put into words only when somebody asks. */
export class Records {
  readonly #limit: number;
  readonly #entries: (Entry | undefined)[] = [];
  #next = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(queued: QueuedPod, decision: Decision, { at, tookMs }: { at: number; tookMs: number }): void {
    this.#entries[this.#next] = {
      decision,
      at,
      tookMs,
      attempt: queued.attempts,
      history: queued.history.slice(),
    };
    this.#next = (this.#next + 1) % this.#limit;
  }

  /** The newest first; of one pod where its key is given. */
  list(key?: string): readonly AttemptRecord[] {
    const found: AttemptRecord[] = [];
    for (let back = 1; back <= this.#entries.length; back++) {
      const entry = this.#entries.at(this.#next - back);
      if (entry && (key === undefined || entry.decision.pod.key === key))
        found.push(inWords(entry));
    }
    return found;
  }
}

/** A decision as plain data. */
export function inWords({ decision, at, tookMs, attempt, history }: Entry): AttemptRecord {
  const { pod, profile, node, failure, feasible, refusals, everywhere, scores } = decision;
  const nominatedNode = decision.nominated?.nodeName;
  return {
    pod: { namespace: pod.namespace, name: pod.name, uid: pod.uid },
    schedulerName: profile.schedulerName,
    at,
    tookMs,
    attempt,
    wokenBy: history.at(-1)?.because ?? '',
    queueHistory: history,
    result: failure?.reason ?? 'Scheduled',
    ...(node && { node: node.name }),
    ...(failure && { message: failure.message }),
    ...(nominatedNode && { nominatedNode }),
    ...(decision.victims && { victims: decision.victims.map(({ key }) => key) }),
    ...(everywhere && { refusedEverywhere: refusalInWords(everywhere) }),
    refused: Object.fromEntries(
      refusals.nodes.map(({ name }, index) => [name, refusalInWords(refusals.verdicts[index]!)]),
    ),
    feasible: feasible.map(({ name }) => name),
    scores: (scores?.plugins ?? []).map(({ plugin, weight, raw, normalized }) => ({
      plugin,
      weight,
      raw: [...raw],
      normalized: [...normalized],
    })),
    totals: [...(scores?.totals ?? [])],
  };
}

function refusalInWords({
  plugin,
  code,
  reasons,
}: {
  readonly plugin: string;
  readonly code: string;
  readonly reasons: readonly string[];
}): NodeRefusal {
  return { plugin, reasons, isResolvable: code === 'Unschedulable' };
}
