import { pods } from '#shared/api/core/pod.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { New } from '#shared/kube/object.ts';

/** Pods that come and go. */
export interface Churn {
  readonly made: () => number;
  /** Resolves once the last one has been asked to go. */
  stop(): Promise<void>;
}

export interface ChurnOptions {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly everyMs: number;
  /** How many are there at a time; older ones are deleted, however far they have come. */
  readonly kept: number;
  podOf(name: string): New<Pod>;
}

/** Goes on while the API is away, without success. */
export function startChurn({ cluster, namespace, everyMs, kept, podOf }: ChurnOptions): Churn {
  const names: string[] = [];
  let made = 0;
  const stopping = new AbortController();
  const removeOldest = async (): Promise<void> => {
    try {
      await cluster.delete(pods, { namespace, name: names[0]! });
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
    }
    names.shift();
  };
  const step = async (): Promise<void> => {
    const name = `churn-${made}`;
    await cluster.create(pods, podOf(name));
    made++;
    names.push(name);
    if (names.length > kept) await removeOldest();
  };
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await step().catch((error: unknown) => {
        if (!ApiError.is(error, 'ServiceUnavailable', 'AlreadyExists')) throw error;
        if (ApiError.is(error, 'AlreadyExists')) made++;
      });
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
    while (names.length > 0) await removeOldest();
  };
  const running = run();
  running.catch(() => {}); // whoever stops it is told
  return {
    made: () => made,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
