import { nodes } from '#shared/api/core/node.ts';
import { sleep, type Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { Informer } from '#shared/client/informer.ts';
import { isSimulated } from '#shared/kube/simulated-nodes.ts';

export interface WithRealNodesOptions {
  /** May read nodes. */
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
  /** What is started, for people. */
  readonly what: string;
}

const retryMs = 5_000;

/** Runs what only makes sense on machines: from when there is a node that is not simulated until disposed. */
export function startWithRealNodes(
  { cluster, clock, log, what }: WithRealNodesOptions,
  start: () => Promise<AsyncDisposable>,
): AsyncDisposable {
  const stack = new AsyncDisposableStack();
  const watched = stack.use(new Informer({ cluster, resource: nodes, clock, log }));
  const stop = new AbortController();
  let starting: Promise<void> | undefined;
  watched.subscribe(({ after }) => {
    if (after && !isSimulated(after)) starting ??= keepStarting();
  });
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await starting;
      await stack.disposeAsync();
    },
  };

  async function keepStarting(): Promise<void> {
    while (!stop.signal.aborted) {
      try {
        stack.use(await start());
        return;
      } catch (error) {
        log.warn('Cannot start what real nodes need; trying again', { what, error });
      }
      await sleep(clock, retryMs, stop.signal).catch(() => {}); // only ends early when stopped
    }
  }
}
