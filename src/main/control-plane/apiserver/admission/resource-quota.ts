import type {
  AdmissionContext,
  AdmissionPlugin,
  AdmissionRequest,
} from '#main/control-plane/apiserver/admission/plugin.ts';
import {
  chargesOf,
  stateOf,
  type Charge,
  type QuotaState,
} from '#main/control-plane/apiserver/admission/quota-charges.ts';
import { isSameKind } from '#main/control-plane/apiserver/admission/refusal.ts';
import { objectOf, oldObjectOf } from '#main/control-plane/apiserver/admission/request-objects.ts';
import { persistentVolumeClaims } from '#shared/api/core/persistent-volume-claim.ts';
import { pods } from '#shared/api/core/pod.ts';
import { resourceQuotas } from '#shared/api/core/resource-quota.ts';
import { services } from '#shared/api/core/service.ts';
import { quotaEvaluatorOf } from '#shared/api/quota/index.ts';
import { attributesClassesOf } from '#shared/api/quota/persistent-volume-claims.ts';
import { hasDeadline } from '#shared/api/quota/pods.ts';
import {
  addLists,
  formatList,
  subtractLists,
  type ResourceList,
} from '#shared/api/quota/resource-list.ts';
import type { ResourceQuota } from '#shared/api/types/core-v1.ts';
import { ApiError } from '#shared/kube/errors.ts';

const maxAttempts = 4;

/**
 * What a write adds is charged to the namespace's quotas before it happens, and taken back when it
 * does not. Requests that wait while the quotas are being written are charged together by the next
 * write, so that a burst costs a few of them.
 */
export function resourceQuota(): AdmissionPlugin {
  const queues = new Map<string, NamespaceQueue>();
  const charged = new WeakMap<AdmissionRequest, readonly Charge[]>();
  const remember = async (
    request: AdmissionRequest,
    decided: Promise<readonly Charge[]>,
  ): Promise<void> => {
    charged.set(request, await decided);
  };
  return {
    name: 'ResourceQuota',
    handles(operation, resource, subresource) {
      if (resource.scope !== 'Namespaced' || !quotaEvaluatorOf(resource)) return false;
      if (operation === 'CREATE') return subresource === '';
      if (operation !== 'UPDATE') return false;
      if (isSameKind(resource, pods)) return subresource === '' || subresource === 'resize';
      if (isSameKind(resource, services)) return subresource === '';
      if (!isSameKind(resource, persistentVolumeClaims)) return false;
      return subresource === '' || subresource === 'status';
    },
    validate(request, context) {
      const { namespace } = request;
      if (!mayChangeUsage(request) || !hasQuota(context, namespace)) return undefined;
      let queue = queues.get(namespace);
      if (!queue) {
        queue = new NamespaceQueue(namespace, () => queues.delete(namespace));
        queues.set(namespace, queue);
      }
      return remember(request, queue.charge(request, context));
    },
    async revert(request, context) {
      const charges = charged.get(request);
      charged.delete(request);
      for (const charge of charges ?? []) await takeBack(request.namespace, charge, context);
    },
  };
}

function hasQuota({ objects }: AdmissionContext, namespace: string): boolean {
  for (const _ of objects.list(resourceQuotas, namespace)) return true;
  return false;
}

/** Most updates cannot: only these change what an object counts for. */
function mayChangeUsage(request: AdmissionRequest): boolean {
  const { operation, resource, subresource } = request;
  if (operation !== 'UPDATE') return true;
  if (isSameKind(resource, pods) && subresource === '') {
    return hasDeadline(objectOf(request, pods)) !== hasDeadline(oldObjectOf(request, pods));
  }
  if (subresource !== 'status') return true;
  const claim = objectOf(request, persistentVolumeClaims);
  const old = oldObjectOf(request, persistentVolumeClaims);
  const held = claim.status?.allocatedResources?.['storage'];
  if (held !== old.status?.allocatedResources?.['storage']) return true;
  return attributesClassesOf(claim).join() !== attributesClassesOf(old).join();
}

interface Waiting {
  readonly request: AdmissionRequest;
  readonly context: AdmissionContext;
  readonly decided: PromiseWithResolvers<readonly Charge[]>;
}

/** Charges one namespace's requests, those that have gathered at once. */
class NamespaceQueue {
  readonly #namespace: string;
  readonly #onIdle: () => void;
  #waiting: Waiting[] = [];
  #isRunning = false;

  constructor(namespace: string, onIdle: () => void) {
    this.#namespace = namespace;
    this.#onIdle = onIdle;
  }

  charge(request: AdmissionRequest, context: AdmissionContext): Promise<readonly Charge[]> {
    const decided = Promise.withResolvers<readonly Charge[]>();
    this.#waiting.push({ request, context, decided });
    if (!this.#isRunning) void this.#run();
    return decided.promise;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      await decide(this.#namespace, batch);
    }
    this.#isRunning = false;
    this.#onIdle();
  }
}

/** Settles every request of the batch; never rejects itself. */
async function decide(namespace: string, batch: readonly Waiting[]): Promise<void> {
  let open = batch;
  for (let attempt = 1; open.length > 0; attempt++) {
    const { context } = open[0]!;
    const before = new Map<string, QuotaState>();
    for (const quota of context.objects.list(resourceQuotas, namespace)) {
      before.set(quota.metadata.name, stateOf(quota));
    }
    const after = new Map(before);
    const agreed: { readonly waiting: Waiting; readonly charges: readonly Charge[] }[] = [];
    for (const waiting of open) {
      try {
        agreed.push({ waiting, charges: take(waiting, after) });
      } catch (error) {
        waiting.decided.reject(error);
      }
    }
    try {
      await writeAll(before, after, context);
      for (const { waiting, charges } of agreed) waiting.decided.resolve(charges);
      return;
    } catch (error) {
      const isLast = attempt === maxAttempts || !ApiError.is(error, 'Conflict', 'NotFound');
      if (isLast) for (const { waiting } of agreed) waiting.decided.reject(error);
      open = isLast ? [] : agreed.map(({ waiting }) => waiting);
    }
  }
}

/** Charges one request to the states and says what it was charged; a dry run is only checked. */
function take({ request, context }: Waiting, states: Map<string, QuotaState>): readonly Charge[] {
  const evaluator = quotaEvaluatorOf(request.resource);
  if (!evaluator) return [];
  const now = context.clock.now();
  const charges = chargesOf(request, evaluator, { states: [...states.values()], now });
  if (request.dryRun) return [];
  for (const { quotaName, amounts } of charges) {
    const state = states.get(quotaName)!;
    states.set(quotaName, { ...state, used: addLists(state.used, amounts) });
  }
  return charges;
}

/** Where one of several quotas has moved meanwhile, those written before it are put back. */
async function writeAll(
  before: ReadonlyMap<string, QuotaState>,
  after: ReadonlyMap<string, QuotaState>,
  context: AdmissionContext,
): Promise<void> {
  const written: Charge[] = [];
  let namespace = '';
  try {
    for (const [quotaName, { quota, used }] of after) {
      const old = before.get(quotaName)!;
      if (old.used === used) continue;
      namespace = quota.metadata.namespace ?? '';
      await write(quota, used, context);
      written.push({ quotaName, amounts: subtractLists(used, old.used) });
    }
  } catch (error) {
    for (const charge of written) await takeBack(namespace, charge, context);
    throw error;
  }
}

async function write(
  quota: ResourceQuota,
  used: ResourceList,
  { cluster }: AdmissionContext,
): Promise<void> {
  const status = { ...quota.status, used: formatList(used) };
  await cluster.update(resourceQuotas, { ...quota, status }, { subresource: 'status' });
}

async function takeBack(
  namespace: string,
  { quotaName: name, amounts }: Charge,
  context: AdmissionContext,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const quota = context.objects.get(resourceQuotas, { namespace, name });
    if (!quota) return;
    const { used } = stateOf(quota);
    const rest = new Map(used);
    for (const [resource, amount] of subtractLists(used, amounts)) {
      if (amounts.has(resource) && used.has(resource)) rest.set(resource, amount);
    }
    try {
      return await write(quota, rest, context);
    } catch (error) {
      if (ApiError.is(error, 'NotFound')) return;
      if (attempt === maxAttempts || !ApiError.is(error, 'Conflict')) throw error;
    }
  }
}
