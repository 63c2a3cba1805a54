import { createIdentityLease } from '#main/control-plane/apiserver/bootstrap/identity-lease.ts';
import { reconcilePolicy } from '#main/control-plane/apiserver/bootstrap/reconcile-policy.ts';
import { nodeObjects } from '#main/control-plane/apiserver/bootstrap/node-objects.ts';
import {
  systemNamespaces,
  systemObjects,
  type ServerSettings,
  type SystemObject,
} from '#main/control-plane/apiserver/bootstrap/system-objects.ts';
import type { ObjectCache } from '#main/control-plane/apiserver/object-cache.ts';
import { sleep, type Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { KubeObject } from '#shared/kube/object.ts';

export type { ServerSettings } from '#main/control-plane/apiserver/bootstrap/system-objects.ts';

export interface BootstrapOptions {
  readonly settings: ServerSettings;
  /** The API server's own identity. */
  readonly cluster: Cluster;
  readonly objects: ObjectCache;
  readonly clock: Clock;
  readonly log: Log;
}

/** How often the server looks whether what is its own is still there, and renews its lease. */
const periodMs = 10_000;

/**
 * Makes every object that a server makes by itself. Resolves once they are there; from then on, until
 * disposed, what somebody deletes comes back.
 */
export async function startBootstrap(options: BootstrapOptions): Promise<AsyncDisposable> {
  const { settings, cluster, objects, clock, log } = options;
  const today = new Date(clock.now()).toISOString().slice(0, 10);
  const wanted = [...systemObjects(settings, today), ...nodeObjects(settings)];
  const lease = createIdentityLease(settings);
  const stop = new AbortController();

  const ensureAll = async (more?: () => Promise<void>): Promise<void> => {
    await Promise.all(systemNamespaces.map((one) => ensure(one, options)));
    await Promise.all([
      ...wanted.map((one) => ensure(one, options)),
      lease.renew(cluster, objects, clock),
      more?.(),
    ]);
  };
  await ensureAll(() => reconcilePolicy(cluster, objects));
  const running = repeat();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };

  async function repeat(): Promise<void> {
    for (;;) {
      await sleep(clock, periodMs, stop.signal).catch(() => {}); // only ends early when stopped
      if (stop.signal.aborted) return;
      await ensureAll().catch((error: unknown) =>
        log.warn('Cannot keep the objects of the server; trying again', { error }),
      );
    }
  }
}

/** Makes the object if it is absent, and sets right what the server owns of it. */
async function ensure(
  { resource, object, condition, owns, isDispensable }: SystemObject,
  { cluster, objects, clock, log }: BootstrapOptions,
): Promise<void> {
  const { name, namespace } = object.metadata;
  try {
    let found = objects.get(resource, { name, namespace });
    if (found?.metadata.deletionTimestamp) return;
    const changed = found && owns?.(found);
    if (!found) found = await cluster.create(resource, object);
    else if (changed) found = await cluster.update(resource, changed);
    if (!condition || hasCondition(found, condition)) return;
    const lastTransitionTime = `${new Date(clock.now()).toISOString().slice(0, 19)}Z`;
    const status = { ...statusOf(found), conditions: [{ lastTransitionTime, ...condition }] };
    await cluster.update(resource, { ...found, status } as KubeObject, { subresource: 'status' });
  } catch (error) {
    // Somebody else made or changed it in between: then it is there, and looked at again next time.
    if (ApiError.is(error, 'AlreadyExists', 'Conflict')) return;
    if (!isDispensable || !ApiError.is(error, 'Invalid')) throw error;
    log.debug('The cluster does without an object that is refused', { name, namespace, error });
  }
}

interface WithConditions {
  readonly status?: { readonly conditions?: readonly { type: string; status: string }[] };
}

function statusOf(object: KubeObject): WithConditions['status'] {
  return (object as WithConditions).status;
}

function hasCondition(object: KubeObject, wanted: { type: string; status: string }): boolean {
  const conditions = statusOf(object)?.conditions ?? [];
  return conditions.some(({ type, status }) => type === wanted.type && status === wanted.status);
}
