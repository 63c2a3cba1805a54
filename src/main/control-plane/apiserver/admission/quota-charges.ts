import type { AdmissionRequest } from '#main/control-plane/apiserver/admission/plugin.ts';
import { refuse } from '#main/control-plane/apiserver/admission/refusal.ts';
import { quotaMatches, type QuotaEvaluator } from '#shared/api/quota/evaluator.ts';
import {
  addLists,
  exceeding,
  formatList,
  parseList,
  pick,
  subtractLists,
  withoutZeros,
  type ResourceList,
} from '#shared/api/quota/resource-list.ts';
import type { ResourceQuota } from '#shared/api/types/core-v1.ts';
import type { KubeObject } from '#shared/kube/object.ts';

/** A quota as a request finds it: what earlier requests of the same turn took is taken already. */
export interface QuotaState {
  readonly quota: ResourceQuota;
  readonly hard: ResourceList;
  readonly used: ResourceList;
}

export function stateOf(quota: ResourceQuota): QuotaState {
  const { hard, used } = quota.status ?? {};
  return { quota, hard: parseList(hard), used: parseList(used) };
}

/** What one request adds to one quota. */
export interface Charge {
  readonly quotaName: string;
  readonly amounts: ResourceList;
}

/**
 * What a request adds to the quotas that it counts against; throws 403 where one of them says no.
 * `now` in milliseconds.
 */
export function chargesOf(
  request: AdmissionRequest,
  evaluator: QuotaEvaluator,
  { states, now }: { readonly states: readonly QuotaState[]; readonly now: number },
): Charge[] {
  const object = request.object as KubeObject;
  const concerned = states.filter(({ quota }) => quotaMatches(evaluator, quota, object));
  for (const state of concerned) checkPreconditions(request, evaluator, state);
  if (concerned.length === 0) return [];
  const usage = evaluator.usage(object, now);
  const negative = [...usage].filter(([, { nanos }]) => nanos < 0n).map(([name]) => name);
  if (negative.length > 0) {
    throw refuse(request, `quota usage is negative for resource(s): ${listed(negative)}`);
  }
  const old = request.operation === 'UPDATE' ? request.oldObject : undefined;
  return concerned.flatMap((state) => {
    const isCounted = old !== undefined && quotaMatches(evaluator, state.quota, old);
    const added = isCounted ? subtractLists(usage, evaluator.usage(old, now)) : usage;
    const amounts = pick(withoutZeros(added), state.hard.keys());
    if (withoutZeros(added).size === 0) return [];
    if (request.subresource !== 'status') checkRoom(request, state, amounts);
    return [{ quotaName: state.quota.metadata.name, amounts }];
  });
}

function checkPreconditions(
  request: AdmissionRequest,
  evaluator: QuotaEvaluator,
  { quota, hard, used }: QuotaState,
): void {
  const { name } = quota.metadata;
  const restricted = evaluator.matchingResources([...hard.keys()]);
  const complaint = evaluator.complaint?.(restricted, request.object as KubeObject);
  if (complaint !== undefined) throw refuse(request, `failed quota: ${name}: ${complaint}`);
  if (restricted.every((resource) => used.has(resource))) return;
  throw refuse(request, `status unknown for quota: ${name}, resources: ${listed(restricted)}`);
}

function checkRoom(
  request: AdmissionRequest,
  { quota, hard, used }: QuotaState,
  amounts: ResourceList,
): void {
  const wanted = pick(addLists(used, amounts), amounts.keys());
  const exceeded = exceeding(wanted, hard);
  if (exceeded.length === 0) return;
  const show = (list: ResourceList): string => shown(pick(list, exceeded));
  throw refuse(
    request,
    `exceeded quota: ${quota.metadata.name}, requested: ${show(amounts)}, used: ${show(used)}, limited: ${show(hard)}`,
  );
}

function listed(names: readonly string[]): string {
  return names.toSorted().join(',');
}

function shown(list: ResourceList): string {
  return Object.entries(formatList(list))
    .map(([name, amount]) => `${name}=${amount}`)
    .sort()
    .join(',');
}
