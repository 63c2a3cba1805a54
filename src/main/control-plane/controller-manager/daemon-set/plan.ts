import type { DaemonSet } from '#shared/api/types/apps-v1.ts';
import type { Node, Pod } from '#shared/api/types/core-v1.ts';
import { isAvailable, isReady } from '../pods/pod-state.ts';
import { byCreation, scaledValue } from '../values.ts';
import type { Fit } from './node-fit.ts';

export const hashLabel = 'controller-revision-hash';
export const generationLabel = 'pod-template-generation';
const generationAnnotation = 'deprecated.daemonset.template.generation';

export interface Daemons {
  readonly set: DaemonSet;
  readonly nodes: readonly Node[];
  readonly fit: (node: Node) => Fit;
  readonly byNode: ReadonlyMap<string, readonly Pod[]>;
  /** Of the current revision. */
  readonly hash: string;
  readonly now: number;
}

export interface Plan {
  /** Nodes that get a new daemon. */
  readonly create: string[];
  readonly remove: Pod[];
}

/** What happens to daemons that are over. */
export interface EndedPods {
  /** How long a failed pod of this node still stays; 0 if it may go now. */
  failed(pod: Pod, nodeName: string): number;
  succeeded(pod: Pod): void;
}

export function templateGeneration({ metadata }: DaemonSet): string | undefined {
  const text = metadata.annotations?.[generationAnnotation];
  return text !== undefined && /^[+-]?\d+$/.test(text) ? String(Number(text)) : undefined;
}

export function isUpdated({ metadata }: Pod, { set, hash }: Daemons): boolean {
  const generation = templateGeneration(set);
  return (
    (hash !== '' && metadata.labels?.[hashLabel] === hash) ||
    (generation !== undefined && metadata.labels?.[generationLabel] === generation)
  );
}

function budgets({ spec: { updateStrategy } }: DaemonSet, total: number): [number, number] {
  if (updateStrategy.type !== 'RollingUpdate') return [0, 0];
  const { maxSurge, maxUnavailable } = updateStrategy.rollingUpdate ?? {};
  return [scaledValue(maxSurge, total, 'up'), scaledValue(maxUnavailable, total, 'up')];
}

/** Nodes that lack a daemon, and daemons that are over, too many or no longer wanted. */
export function planPlacement(daemons: Daemons, ended: EndedPods): Plan {
  const plan: Plan = { create: [], remove: [] };
  const { nodes, fit, byNode } = daemons;
  const known = new Set<string>();
  for (const node of nodes) {
    const { name } = node.metadata;
    known.add(name);
    const { shouldRun, mayStay } = fit(node);
    const there = byNode.get(name);
    if (shouldRun && !there) plan.create.push(name);
    else if (mayStay) keep({ daemons, there: there ?? [], shouldRun, nodeName: name }, ended, plan);
    else if (there) plan.remove.push(...there.filter(isNotDeleted));
  }
  // Pods that wait for a node which is gone.
  for (const [name, pods] of byNode)
    if (!known.has(name)) plan.remove.push(...pods.filter(({ spec }) => !spec.nodeName));
  return plan;
}

const isNotDeleted = ({ metadata }: Pod): boolean => metadata.deletionTimestamp === undefined;

interface OnNode {
  readonly daemons: Daemons;
  readonly there: readonly Pod[];
  readonly shouldRun: boolean;
  readonly nodeName: string;
}

function keep({ daemons, there, shouldRun, nodeName }: OnNode, ended: EndedPods, plan: Plan): void {
  const running: Pod[] = [];
  for (const pod of there) {
    if (!isNotDeleted(pod)) continue;
    if (pod.status.phase === 'Failed') {
      if (ended.failed(pod, nodeName) === 0) plan.remove.push(pod);
    } else if (pod.status.phase === 'Succeeded') {
      ended.succeeded(pod);
      plan.remove.push(pod);
    } else running.push(pod);
  }
  running.sort(byPlaceAndAge);
  if (budgets(daemons.set, 1)[0] === 0) plan.remove.push(...running.slice(1));
  else if (running.length === 0 && shouldRun) plan.create.push(nodeName);
  else if (running.length > 1) plan.remove.push(...surplus(running, daemons));
}

/** With surge one old and one new daemon may share a node until the new one is available. */
function surplus(running: readonly Pod[], { set, hash, now }: Daemons): Pod[] {
  const isNew = ({ metadata }: Pod): boolean => metadata.labels?.[hashLabel] === hash;
  const newest = running.find(isNew);
  const oldest = running.find((pod) => !isNew(pod));
  const extra = running.filter((pod) => pod !== newest && pod !== oldest);
  const isReplaced =
    newest &&
    oldest &&
    (!isReady(oldest) || isAvailable(newest, set.spec.minReadySeconds ?? 0, now));
  return isReplaced ? [...extra, oldest] : extra;
}

/** Daemons on their node before those that wait, then older ones first. */
export function byPlaceAndAge(a: Pod, b: Pod): number {
  return Number(!a.spec.nodeName) - Number(!b.spec.nodeName) || byCreation(a, b);
}

/** What a rolling update may do now. */
export function planUpdate(daemons: Daemons): Plan {
  const { set, nodes, fit, byNode } = daemons;
  const wanting = nodes.filter((node) => fit(node).shouldRun);
  let [surge, unavailable] = budgets(set, wanting.length);
  if (wanting.length > 0 && surge === 0 && unavailable === 0) unavailable = 1;
  const all = new Map<string, readonly Pod[]>(byNode);
  for (const { metadata } of wanting) if (!all.has(metadata.name)) all.set(metadata.name, []);
  return surge === 0
    ? replaceInPlace(daemons, all, unavailable)
    : replaceBySurge(daemons, all, { surge, wanted: wanting.length });
}

function replaceInPlace(
  daemons: Daemons,
  all: ReadonlyMap<string, readonly Pod[]>,
  maxUnavailable: number,
): Plan {
  const isUp = (pod: Pod): boolean =>
    isAvailable(pod, daemons.set.spec.minReadySeconds ?? 0, daemons.now);
  const replaceable: Pod[] = [];
  const candidates: Pod[] = [];
  let unavailable = 0;
  for (const pods of all.values()) {
    const pair = newAndOld(pods, daemons);
    if (!pair || Boolean(pair.newPod) === Boolean(pair.oldPod)) unavailable++;
    else if (pair.newPod) unavailable += Number(!isUp(pair.newPod));
    else if (!isUp(pair.oldPod!)) {
      replaceable.push(pair.oldPod!);
      unavailable++;
    } else if (unavailable < maxUnavailable) candidates.push(pair.oldPod!);
  }
  const more = Math.max(0, maxUnavailable - unavailable);
  return { create: [], remove: [...replaceable, ...candidates.slice(0, more)] };
}

function replaceBySurge(
  daemons: Daemons,
  all: ReadonlyMap<string, readonly Pod[]>,
  { surge: maxSurge, wanted }: { readonly surge: number; readonly wanted: number },
): Plan {
  const isUp = (pod: Pod): boolean =>
    isAvailable(pod, daemons.set.spec.minReadySeconds ?? 0, daemons.now);
  const nodesByName = new Map(daemons.nodes.map((node) => [node.metadata.name, node]));
  const remove: Pod[] = [];
  const unwanted: Pod[] = [];
  const allowed: string[] = [];
  const candidates: string[] = [];
  let surging = 0;
  let available = 0;
  for (const [name, pods] of all) {
    const pair = newAndOld(pods, daemons);
    if (!pair) {
      surging++;
      continue;
    }
    const { newPod, oldPod } = pair;
    const counted = oldPod ?? newPod;
    if (counted && isUp(counted)) available++;
    if (!oldPod) continue;
    if (newPod) {
      if (isUp(newPod)) remove.push(oldPod);
      else surging++;
      continue;
    }
    const node = nodesByName.get(name);
    if (!node) throw new Error(`couldn't get node for nodeName "${name}"`);
    const { shouldRun } = daemons.fit(node);
    if (!isUp(oldPod)) {
      if (shouldRun) allowed.push(name);
      else remove.push(oldPod);
    } else if (!shouldRun) unwanted.push(oldPod);
    else if (surging < maxSurge) candidates.push(name);
  }
  remove.push(...unwanted.slice(0, Math.max(0, available - wanted)));
  const more = Math.max(0, maxSurge - surging);
  return { create: [...allowed, ...candidates.slice(0, more)], remove };
}

/** `undefined` when a node has two of either. */
function newAndOld(
  pods: readonly Pod[],
  daemons: Daemons,
): { newPod: Pod | undefined; oldPod: Pod | undefined } | undefined {
  let newPod: Pod | undefined;
  let oldPod: Pod | undefined;
  for (const pod of pods) {
    if (!isNotDeleted(pod)) continue;
    if (isUpdated(pod, daemons)) {
      if (newPod) return undefined;
      newPod = pod;
    } else {
      if (oldPod) return undefined;
      oldPod = pod;
    }
  }
  return { newPod, oldPod };
}

export interface Counts {
  readonly currentNumberScheduled: number;
  readonly numberMisscheduled: number;
  readonly desiredNumberScheduled: number;
  readonly numberReady: number;
  readonly updatedNumberScheduled: number;
  readonly numberAvailable: number;
  readonly numberUnavailable: number;
}

export function countDaemons(daemons: Daemons): Counts {
  const { set, nodes, fit, byNode, now } = daemons;
  let [desired, current, misscheduled, ready, updated, available] = [0, 0, 0, 0, 0, 0];
  for (const node of nodes) {
    const pods = byNode.get(node.metadata.name) ?? [];
    if (!fit(node).shouldRun) {
      if (pods.length > 0) misscheduled++;
      continue;
    }
    desired++;
    const [pod] = [...pods].sort(byPlaceAndAge);
    if (!pod) continue;
    current++;
    if (isReady(pod)) ready++;
    if (isAvailable(pod, set.spec.minReadySeconds ?? 0, now)) available++;
    if (isUpdated(pod, daemons)) updated++;
  }
  return {
    currentNumberScheduled: current,
    numberMisscheduled: misscheduled,
    desiredNumberScheduled: desired,
    numberReady: ready,
    updatedNumberScheduled: updated,
    numberAvailable: available,
    numberUnavailable: desired - available,
  };
}
