import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import type { Change } from '#shared/client/informer.ts';
import { keyOf, type KubeObject } from '#shared/kube/object.ts';
import type { SchedulerConfiguration } from './configuration.ts';
import { diagnose, type DiagnosticRequest, type DiagnosticResponse } from './diagnostics.ts';
import { startInformers, watchOthers } from './informers.ts';
import type { RecordEvent } from './plugin.ts';
import { Records, type AttemptRecord } from './records.ts';
import { Scheduler, type SchedulerOptions } from './scheduler.ts';
import { simulate, type SimulationRequest, type SimulationResult } from './simulation.ts';

export interface StartSchedulerOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
  readonly recordEvent: RecordEvent;
  readonly configuration?: SchedulerConfiguration;
  readonly random?: () => number;
  /** How many attempts are remembered. */
  readonly recordLimit?: number;
  readonly onDecision?: SchedulerOptions['onDecision'];
}

export interface RunningScheduler extends AsyncDisposable {
  /** Resolves once the first picture of the cluster is complete and scheduling begins. */
  readonly ready: Promise<void>;
  /** The last attempts, newest first; of one pod where its `namespace/name` is given. */
  records(podKey?: string): readonly AttemptRecord[];
  /** What would become of pods if …; nothing is changed. Throws for nodes that do not exist. */
  simulate(request: SimulationRequest): SimulationResult;
  /** Serves what is below the scheduler's private path: `/records`, `/queues`, `/simulate`. */
  handle(request: DiagnosticRequest): DiagnosticResponse;
}

/** Starts kube-scheduler: watches the cluster and binds every pod of its profiles to a node. */
export function startScheduler(options: StartSchedulerOptions): RunningScheduler {
  const { clock, recordLimit = 128, random = Math.random } = options;
  const stack = new AsyncDisposableStack();
  const informers = startInformers(options);
  for (const informer of Object.values(informers)) stack.use(informer);
  const records = new Records(recordLimit);
  const scheduler = new Scheduler({
    ...options,
    random,
    listers: informers,
    onDecision(queued, decision, tookMs) {
      records.add(queued, decision, { at: clock.now(), tookMs });
      options.onDecision?.(queued, decision, tookMs);
    },
  });
  stack.use(scheduler);
  // One object that cannot be understood must not keep the others from being heard of.
  const guarded =
    <T extends KubeObject>(hear: (before: T | undefined, after: T | undefined) => void) =>
    ({ before, after }: Change<T>): void => {
      try {
        hear(before, after);
      } catch (error) {
        options.log.error('Cannot take in a change', {
          key: keyOf((after ?? before)!.metadata),
          error,
        });
      }
    };
  stack.use(informers.nodes.subscribe(guarded((...change) => scheduler.nodeChanged(...change))));
  stack.use(informers.pods.subscribe(guarded((...change) => scheduler.podChanged(...change))));
  stack.use(watchOthers(informers, scheduler.queue));
  const ready = Promise.all(Object.values(informers).map(({ synced }) => synced)).then(() =>
    scheduler.open(),
  );
  const { snapshot } = scheduler;
  const sources = {
    scheduler,
    records: (podKey?: string) => records.list(podKey),
    simulate: (request: SimulationRequest) =>
      simulate(request, { ...options, snapshot, listers: informers, random }),
  };
  return {
    ready,
    records: sources.records,
    simulate: sources.simulate,
    handle: (request) => diagnose(request, sources),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
