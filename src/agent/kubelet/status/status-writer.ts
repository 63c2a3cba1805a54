import { pods } from '#agent/api/resources.ts';
import type { Pod, PodStatus } from '#shared/api/types/core-v1.ts';
import { exponential, KeyedLoop } from '#shared/base/keyed-loop.ts';
import { patchTypes } from '#shared/client/transport.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { KubeletContext } from '../context.ts';
import { isOwnCondition } from './conditions.ts';
import { isSame } from './same.ts';

interface Kept {
  readonly status: PodStatus;
  readonly finished: boolean;
}

/** What the API was told last, and of which of its pods: a static pod's mirror may be made anew. */
interface Written {
  readonly apiUid: string;
  readonly status: PodStatus;
  /** Of the pod that came of it. */
  readonly version: number;
}

export interface StatusWriterOptions {
  readonly context: KubeletContext;
  /** The pod at the API as it was last seen: of a static pod, its mirror. */
  readonly apiPod: (uid: string) => Pod | undefined;
}

/** Tells the API how pods are, the latest first; and when nothing of a deleted pod is left, that it may go. */
export class StatusWriter implements AsyncDisposable {
  readonly #options: StatusWriterOptions;
  readonly #kept = new Map<string, Kept>();
  readonly #written = new Map<string, Written>();
  readonly #loop: KeyedLoop<string>;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
    const { clock, log } = options.context;
    this.#loop = new KeyedLoop<string>({
      clock,
      concurrency: 16,
      backoffMs: exponential(200, 10_000),
      onError: (uid, error) =>
        log.warn('Cannot tell the status of a pod; trying again', { uid, error }),
      run: (uid) => this.#write(uid),
    });
  }

  /** What is told of the pod now. */
  status(uid: string): PodStatus | undefined {
    return this.#kept.get(uid)?.status;
  }

  /** `finished`: nothing of the pod is left on the node. */
  set(uid: string, status: PodStatus, { finished = false }: { finished?: boolean } = {}): void {
    const known = this.#kept.get(uid);
    if (known && known.finished === finished && isSame(known.status, status)) return;
    this.#kept.set(uid, { status, finished: finished || (known?.finished ?? false) });
    this.#loop.add(uid);
  }

  /** The pod at the API has changed, or its mirror has come. */
  touch(uid: string): void {
    if (this.#kept.has(uid)) this.#loop.add(uid);
  }

  forget(uid: string): void {
    this.#kept.delete(uid);
    this.#written.delete(uid);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#loop[Symbol.asyncDispose]();
  }

  async #write(uid: string): Promise<void> {
    const kept = this.#kept.get(uid);
    const pod = this.#options.apiPod(uid);
    if (!kept || !pod) return;
    const { context } = this.#options;
    const { name, namespace, uid: apiUid, deletionTimestamp } = pod.metadata;
    const key = { namespace, name };
    try {
      const written = this.#written.get(uid);
      const base = told(pod, written?.apiUid === apiUid ? written : undefined);
      const change = statusChange(base, kept.status);
      if (change) {
        const body = { metadata: { uid: apiUid }, status: change };
        const options = { subresource: 'status' };
        const patch = { type: patchTypes.strategic, body };
        const { metadata } = await context.cluster.patch(pods, key, patch, options);
        const version = Number(metadata.resourceVersion);
        this.#written.set(uid, { apiUid, status: kept.status, version });
      }
      if (!kept.finished || !deletionTimestamp) return;
      await context.cluster.delete(pods, key, {
        gracePeriodSeconds: 0,
        preconditions: { uid: apiUid },
      });
    } catch (error) {
      // Gone, or another pod of the same name by now: there is nobody to tell.
      if (!ApiError.is(error, 'NotFound', 'Conflict')) throw error;
    }
  }
}

/**
 * What the API holds: as it was told, unless somebody else has set a condition of ours since. The node
 * lifecycle controller says of the pods of a silent node that they are not ready.
 */
export function told(
  { metadata, status }: Pick<Pod, 'metadata' | 'status'>,
  written: Pick<Written, 'status' | 'version'> | undefined,
): PodStatus {
  if (!written) return status;
  if (Number(metadata.resourceVersion) <= written.version) return written.status;
  const conditions = written.status.conditions?.map((one) => {
    const found = status.conditions?.find(({ type }) => type === one.type);
    return found && isOwnCondition(one) && found.status !== one.status ? found : one;
  });
  return { ...written.status, ...(conditions && { conditions }) };
}

/** Only the kubelet writes these; the API keeps the rest. */
function statusChange(before: PodStatus, after: PodStatus): Record<string, unknown> | undefined {
  const change: Record<string, unknown> = {};
  const old = before as Readonly<Record<string, unknown>>;
  const fresh = after as Readonly<Record<string, unknown>>;
  for (const name of ownFields) {
    if (isSame(old[name], fresh[name])) continue;
    if (fresh[name] === undefined) change[name] = null;
    else if (name === 'podIPs' || name === 'hostIPs')
      change[name] = [{ $patch: 'replace' }, ...(fresh[name] as readonly unknown[])];
    else change[name] = fresh[name];
  }
  const conditions = conditionChanges(before, after);
  if (conditions.length > 0) {
    change['conditions'] = conditions;
    const order = (after.conditions ?? []).map(({ type }) => ({ type }));
    if (order.length > 0) change['$setElementOrder/conditions'] = order;
  }
  return Object.keys(change).length > 0 ? change : undefined;
}

const ownFields = [
  'observedGeneration',
  'phase',
  'reason',
  'message',
  'hostIP',
  'hostIPs',
  'podIP',
  'podIPs',
  'startTime',
  'initContainerStatuses',
  'containerStatuses',
  'ephemeralContainerStatuses',
  'qosClass',
  'allocatedResources',
  'resources',
] as const;

function conditionChanges(before: PodStatus, after: PodStatus): unknown[] {
  const old = before.conditions ?? [];
  const fresh = after.conditions ?? [];
  if (fresh.length === 0) return old.map(({ type }) => ({ $patch: 'delete', type }));
  return fresh.flatMap((one) => {
    const known = old.find(({ type }) => type === one.type);
    if (!isOwnCondition(one) || isSame(known, one)) return [];
    // What is merged keeps what the patch does not speak of.
    const dropped = ['reason', 'message'].filter(
      (name) => known && name in known && !(name in one),
    );
    return [{ ...one, ...Object.fromEntries(dropped.map((name) => [name, null])) }];
  });
}
