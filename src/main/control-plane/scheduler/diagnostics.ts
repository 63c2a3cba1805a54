import type { AttemptRecord } from './records.ts';
import type { Scheduler } from './scheduler.ts';
import type { SimulationRequest, SimulationResult } from './simulation.ts';

/** A request below the private path that the composition root serves the scheduler at. */
export interface DiagnosticRequest {
  readonly method: string;
  /** Beginning with a slash, such as `/records`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface DiagnosticResponse {
  readonly status: number;
  /** Plain data. */
  readonly body: unknown;
}

export interface DiagnosticSources {
  readonly scheduler: Scheduler;
  records(podKey?: string): readonly AttemptRecord[];
  simulate(request: SimulationRequest): SimulationResult;
}

/**
 * `GET /records[?pod=namespace/name]` the last attempts, `GET /queues` who waits where and why,
 * `POST /simulate` a what-if on a copy of the cluster.
 */
export function diagnose(
  { method, path, query = {}, body }: DiagnosticRequest,
  sources: DiagnosticSources,
): DiagnosticResponse {
  const route = `${method} ${path}`;
  if (route === 'GET /records') return { status: 200, body: sources.records(query['pod']) };
  if (route === 'GET /queues') return { status: 200, body: queues(sources.scheduler) };
  if (route !== 'POST /simulate')
    return { status: 404, body: { message: `The scheduler does not serve ${route}` } };
  try {
    return { status: 200, body: sources.simulate(body ?? {}) };
  } catch (error) {
    return {
      status: 400,
      body: { message: error instanceof Error ? error.message : String(error) },
    };
  }
}

function queues({ queue }: Scheduler): unknown {
  const pods = [...queue.values()].map((queued) => ({
    pod: queued.pod.key,
    queue: queued.queue,
    since: queued.timestamp,
    attempts: queued.attempts,
    refusedBy: [...queued.rejectors],
    gatedBy: queued.gatedBy,
    backoffUntil: queued.backoffUntil,
    history: queued.history,
  }));
  return { depths: queue.depths(), pods };
}
