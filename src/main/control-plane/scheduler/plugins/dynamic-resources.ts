import type { Pod } from '#shared/api/types/core-v1.ts';
import type { AllocationResult, ResourceClaim } from '#shared/api/types/resource-v1.ts';
import { compileNodeSelector } from '#shared/kube/node-selection.ts';
import { actions, type EventInterest } from '../cluster-events.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import type { NodeInfo } from '../node-info.ts';
import type { PodInfo } from '../pod-info.ts';
import {
  plugin,
  refusal,
  skip,
  type PluginContext,
  type PluginFactory,
  type Rejection,
  type Verdict,
} from '../plugin.ts';
import { bindClaim } from './claim-binding.ts';
import { allocateDevices, type AllocationInput } from './device-allocator.ts';
import { deviceId } from './device-pools.ts';
import { names } from './names.ts';
import { normalizeByHighest } from './normalize.ts';
import { canBeReserved, isReservedFor, podClaims } from './pod-claims.ts';

interface State {
  readonly claims: readonly ResourceClaim[];
  /** Claims that have no devices yet. */
  readonly open: readonly ResourceClaim[];
  readonly input: AllocationInput;
  /** What was found for `open`, by node name. */
  readonly byNode: Map<string, readonly AllocationResult[]>;
}

/** Alternatives of one request. */
const maxAlternatives = 8;
const unavailable = refuse('resourceclaim not available on the node');
const unallocatable = refuse('cannot allocate all claims');

/** Devices that pods claim: structured parameters, without shared counters or divisible devices. */
export const dynamicResources: PluginFactory = {
  name: names.dynamicResources,
  create(context) {
    const { listers, cluster, claimLedger } = context;
    const { claims: assumed, pending } = claimLedger;
    const find = (key: string): ResourceClaim | undefined => assumed.get(key);
    return plugin<State, State | undefined>({
      name: names.dynamicResources,
      events: events(context),
      preEnqueue({ pod }) {
        const claims = podClaims(pod, (key) => listers.resourceClaims.get(key));
        return typeof claims === 'string' ? refuse(claims) : undefined;
      },
      preFilter({ pod, uid }) {
        const claims = podClaims(pod, find);
        if (typeof claims === 'string') return refuse(claims);
        if (claims.length === 0) return skip;
        const trouble = claims
          .map((claim) => claimTrouble(claim, { uid, pending, context }))
          .find((one) => one !== undefined);
        return trouble === undefined ? { state: stateFor(claims, context, find) } : refuse(trouble);
      },
      filter: (state, _pod, info) => allocateOn(state, info),
      postFilter({ states }) {
        const state = states.get(names.dynamicResources);
        if (state === undefined) throw new Error('not found');
        const text = state === skip ? 'no new claims to deallocate' : 'still not schedulable';
        return { isSuccess: false, reasons: [text] };
      },
      preScore: (_pod, _nodes, state) => state,
      score(state, { nodes }, scores) {
        if (state) preferEarlier(state, nodes, scores);
        else scores.fill(0);
      },
      normalizeScore: (_state, scores) => normalizeByHighest(scores, { reversed: false }),
      reserve(state, _pod, nodeName) {
        for (const [index, claim] of (state?.open ?? []).entries()) {
          const allocation = state.byNode.get(nodeName)?.[index];
          if (!allocation) throw new Error('claim allocation not found for node');
          pending.add(claim.metadata.uid);
          assumed.assume(keyOf(claim), { ...claim, status: { ...claim.status, allocation } });
        }
        return undefined;
      },
      unreserve(state) {
        for (const claim of state?.open ?? []) {
          pending.delete(claim.metadata.uid);
          assumed.restore(keyOf(claim));
        }
      },
      needsPreBind: (state) => state !== undefined,
      async preBind({ claims, open, byNode }, pod, { nodeName, signal }) {
        for (const claim of claims) {
          const allocation = byNode.get(nodeName)?.[open.indexOf(claim)];
          await bindClaim(cluster, claim, { pod, allocation, signal });
          pending.delete(claim.metadata.uid);
        }
        return undefined;
      },
    });
  },
};

function stateFor(
  claims: readonly ResourceClaim[],
  { listers }: PluginContext,
  find: (key: string) => ResourceClaim | undefined,
): State {
  const open = claims.filter(({ status }) => !status?.allocation);
  const input: AllocationInput = {
    claims: open,
    slices: [...listers.resourceSlices.values()],
    taken: takenDevices(listers.resourceClaims.values(), find),
    classOf: (name) => listers.deviceClasses.get(name),
  };
  return { claims, open, input, byNode: new Map() };
}

/** Chooses devices on the node and remembers them for the case that the pod goes there. */
function allocateOn({ claims, open, input, byNode }: State, { node, name }: NodeInfo): Verdict {
  if (!node) return unavailable;
  const isReachable = claims.every(({ status }) => {
    const selector = status?.allocation?.nodeSelector;
    return !selector || compileNodeSelector(selector)(node);
  });
  if (!isReachable) return unavailable;
  if (open.length === 0) return undefined;
  const found = allocateDevices(node, input);
  if (!found) return unallocatable;
  byNode.set(name, found);
  return undefined;
}

function refuse(text: string): Rejection {
  return refusal(names.dynamicResources, 'UnschedulableAndUnresolvable', text);
}

/** Why a claim cannot be used by the pod now, wherever the pod goes. */
function claimTrouble(
  claim: ResourceClaim,
  {
    uid,
    pending,
    context,
  }: {
    readonly uid: string;
    readonly pending: ReadonlySet<string>;
    readonly context: PluginContext;
  },
): string | undefined {
  const { metadata, spec, status } = claim;
  if (pending.has(metadata.uid))
    return `resource claim ${keyOf(claim)} is in the process of being allocated`;
  if (status?.allocation)
    return canBeReserved(claim) || isReservedFor(claim, uid) ? undefined : 'resourceclaim in use';
  for (const { name, exactly, firstAvailable = [] } of spec.devices.requests) {
    const parts = exactly
      ? [{ name, class: exactly.deviceClassName }]
      : firstAvailable.map((sub) => ({ name: `${name}/${sub.name}`, class: sub.deviceClassName }));
    if (parts.length === 0)
      return `resource claim ${keyOf(claim)}, request ${name}: unknown request type`;
    const lost = parts.find((part) => !context.listers.deviceClasses.get(part.class));
    if (lost) return `request ${lost.name}: device class ${lost.class} does not exist`;
  }
  return undefined;
}

/** Devices of all allocated claims; those that are only administered are not taken. */
function takenDevices(
  claims: Iterable<ResourceClaim>,
  find: (key: string) => ResourceClaim | undefined,
): ReadonlySet<string> {
  const taken = new Set<string>();
  for (const claim of claims) {
    for (const one of find(keyOf(claim))?.status?.allocation?.devices.results ?? [])
      if (!one.adminAccess) taken.add(deviceId(one.driver, one.pool, one.device));
  }
  return taken;
}

function preferEarlier(state: State, nodes: readonly NodeInfo[], scores: Int32Array): void {
  for (const [index, { name }] of nodes.entries())
    scores[index] = preference(state, state.byNode.get(name) ?? []);
}

/** Higher for nodes where earlier alternatives of the requests could be had. */
function preference({ claims, open }: State, found: readonly AllocationResult[]): number {
  let score = 0;
  for (const claim of claims) {
    const allocation = claim.status?.allocation ?? found[open.indexOf(claim)];
    const used = new Set(allocation?.devices.results?.map(({ request }) => request));
    for (const { name, firstAvailable = [] } of claim.spec.devices.requests)
      for (const [index, sub] of firstAvailable.entries())
        if (used.has(`${name}/${sub.name}`)) score += maxAlternatives - index;
  }
  return score;
}

function events({ listers }: PluginContext): readonly EventInterest[] {
  const find = (key: string): ResourceClaim | undefined => listers.resourceClaims.get(key);
  return [
    {
      resource: 'Node',
      action: actions.add | actions.updateNodeLabel | actions.updateNodeAllocatable,
    },
    {
      resource: 'ResourceClaim',
      action: actions.add | actions.update,
      hint: (pod, before, after) =>
        isCuredByClaim(podClaims(pod.pod, find), {
          before: before as ResourceClaim | undefined,
          after: after as ResourceClaim,
        }),
    },
    {
      resource: 'Pod',
      action: actions.updatePodGeneratedResourceClaim,
      hint: (pod: PodInfo, _before, after) =>
        (after as Pod).metadata.uid === pod.uid &&
        typeof podClaims(after as Pod, find) !== 'string',
    },
    { resource: 'DeviceClass', action: actions.add | actions.update },
    { resource: 'ResourceSlice', action: actions.add | actions.update },
  ];
}

function isCuredByClaim(
  claims: readonly ResourceClaim[] | string,
  { before, after }: { readonly before: ResourceClaim | undefined; readonly after: ResourceClaim },
): boolean {
  if (typeof claims === 'string') return false;
  if (before?.status?.allocation && !after.status?.allocation) return true;
  if (!claims.some(({ metadata }) => metadata.uid === after.metadata.uid)) return false;
  return !before || !semanticEqual(before.status ?? {}, after.status ?? {});
}

function keyOf({ metadata }: ResourceClaim): string {
  return `${metadata.namespace}/${metadata.name}`;
}
