import { sleep, type Clock } from '#shared/base/clock.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { parseKey } from '#shared/kube/object.ts';
import type { App } from '../../app/connection.ts';
import type { LeavingPod } from './drain-plan.ts';

export interface DrainProgress {
  readonly gone: number;
  readonly total: number;
  /** What keeps the next ones, in the server's words. */
  readonly waitsFor: string;
}

export interface DrainOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  report(progress: DrainProgress): void;
}

const retryMs = 5_000;
const lookMs = 500;
const podsAtOnce = 8;

export async function setCordoned(app: App, node: string, isCordoned: boolean): Promise<void> {
  await app.request({
    group: '',
    version: 'v1',
    plural: 'nodes',
    name: node,
    verb: 'patch',
    patchType: 'application/merge-patch+json',
    query: { fieldManager: 'pilothouse' },
    body: { spec: { unschedulable: isCordoned ? true : null } },
  });
}

/**
 * Cordons the node and evicts its pods through the Eviction API: a budget that allows none now is
 * waited for, never overruled. Resolves when all have gone; aborting leaves the rest where they are.
 */
export async function drain(
  app: App,
  node: string,
  pods: readonly LeavingPod[],
  { clock, signal, report }: DrainOptions,
): Promise<void> {
  await setCordoned(app, node, true);
  const waiting = [...pods];
  let gone = 0;
  const tell = (waitsFor: string): void => report({ gone, total: pods.length, waitsFor });
  const evictNext = async (): Promise<void> => {
    for (let pod = waiting.shift(); pod; pod = waiting.shift()) {
      await evict(app, pod, { clock, signal, tell });
      gone++;
      tell('');
    }
  };
  tell('');
  await Promise.all(Array.from({ length: podsAtOnce }, evictNext));
}

async function evict(
  app: App,
  { key, uid }: LeavingPod,
  { clock, signal, tell }: Pick<DrainOptions, 'clock' | 'signal'> & { tell(why: string): void },
): Promise<void> {
  const { namespace = '', name } = parseKey(key);
  const target = { group: '', version: 'v1', plural: 'pods', namespace, name };
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
  for (;;) {
    try {
      await app.request({ ...target, verb: 'create', subresource: 'eviction', body }, { signal });
      break;
    } catch (error) {
      if (ApiError.is(error, 'NotFound')) return;
      if (!ApiError.is(error, 'TooManyRequests')) throw error;
      tell(`${key}: ${budgetText(error)}`);
      await sleep(clock, retryMs, signal);
    }
  }
  for (;;) {
    try {
      const pod = (await app.request({ ...target, verb: 'get' }, { signal })) as {
        readonly metadata: { readonly uid: string };
      };
      if (pod.metadata.uid !== uid) return;
    } catch (error) {
      if (ApiError.is(error, 'NotFound')) return;
      throw error;
    }
    await sleep(clock, lookMs, signal);
  }
}

function budgetText({ message, causes }: ApiError): string {
  return causes[0]?.message ?? message;
}
