import { nodes } from '#shared/api/core/node.ts';
import { pods } from '#shared/api/core/pod.ts';
import { services } from '#shared/api/core/service.ts';
import type { Pod, Service, ServicePort } from '#shared/api/types/core-v1.ts';
import { trigger, type Cache, type Trigger } from '#shared/kube/controller.ts';
import { keyOf } from '#shared/kube/object.ts';
import { selectorOfSet, type Selector } from '#shared/kube/selectors.ts';
import { isReady, isTerminal, readySince } from '../pods/pod-state.ts';
import { isEqual, timeOf } from '../values.ts';

const selectors = new WeakMap<object, Selector>();

/** `undefined` for a service whose endpoints somebody else keeps. */
export function selectorOfService({ spec }: Service): Selector | undefined {
  if (!spec.selector || spec.type === 'ExternalName') return undefined;
  let selector = selectors.get(spec.selector);
  if (!selector) {
    selector = selectorOfSet(spec.selector);
    selectors.set(spec.selector, selector);
  }
  return selector;
}

export function podsOfService(service: Service, cache: Cache): Pod[] {
  const selector = selectorOfService(service);
  const selected: Pod[] = [];
  if (selector)
    for (const pod of cache.inNamespace(pods, service.metadata.namespace!))
      if (selector.matches(pod.metadata.labels)) selected.push(pod);
  return selected;
}

/** A pod counts once it has an address and until it is over. */
export function belongsInEndpoints(pod: Pod, includesTerminating: boolean): boolean {
  if (isTerminal(pod)) return false;
  if (!pod.status.podIP && !pod.status.podIPs?.length) return false;
  return includesTerminating || pod.metadata.deletionTimestamp === undefined;
}

export function hasHostname({ metadata, spec }: Pod, service: Service): boolean {
  return (
    Boolean(spec.hostname) &&
    spec.subdomain === service.metadata.name &&
    metadata.namespace === service.metadata.namespace
  );
}

/** The number of the port that a service's port means on this pod, if it has it. */
export function targetPort({ spec }: Pod, port: ServicePort): number | undefined {
  const target = port.targetPort ?? port.port;
  if (typeof target === 'number') return target;
  const sidecars = (spec.initContainers ?? []).filter((one) => one.restartPolicy === 'Always');
  for (const { ports = [] } of [...spec.containers, ...sidecars])
    for (const { name, protocol, containerPort } of ports)
      if (name === target && protocol === port.protocol) return containerPort;
  return undefined;
}

export const isHeadless = ({ spec }: Service): boolean => spec.clusterIP === 'None';
export const hasClusterIp = ({ spec }: Service): boolean =>
  spec.clusterIP !== 'None' && Boolean(spec.clusterIP);

/** Changes of pods that change endpoints wake the services that select them, before or after. */
export const podTrigger: Trigger = trigger(pods, ({ before, after }, cache) => {
  const labelsChanged =
    before !== undefined &&
    after !== undefined &&
    !(
      isEqual(before.metadata.labels, after.metadata.labels) &&
      before.spec.hostname === after.spec.hostname &&
      before.spec.subdomain === after.spec.subdomain
    );
  if (before && after && !labelsChanged && !isChanged(before, after)) return [];
  const namespace = (after ?? before)!.metadata.namespace!;
  const wakes: string[] = [];
  for (const service of cache.inNamespace(services, namespace)) {
    const selector = selectorOfService(service);
    if (!selector) continue;
    const now = after !== undefined && selector.matches(after.metadata.labels);
    const then = labelsChanged && selector.matches(before.metadata.labels);
    const gone = !after && selector.matches(before!.metadata.labels);
    if (now || then || gone) wakes.push(keyOf(service.metadata));
  }
  return wakes;
});

function isChanged(before: Pod, after: Pod): boolean {
  return (
    before.metadata.deletionTimestamp !== after.metadata.deletionTimestamp ||
    isReady(before) !== isReady(after) ||
    isTerminal(before) !== isTerminal(after) ||
    before.status.podIP !== after.status.podIP ||
    !isEqual(before.status.podIPs, after.status.podIPs)
  );
}

/** A node that appears or changes its zone wakes the services with pods on it. */
export const nodeTrigger: Trigger = trigger(nodes, ({ before, after }, cache) => {
  const zone = 'topology.kubernetes.io/zone';
  if (!after || (before && before.metadata.labels?.[zone] === after.metadata.labels?.[zone]))
    return [];
  const wakes = new Set<string>();
  for (const pod of cache.by(pods, 'node', after.metadata.name))
    for (const service of cache.inNamespace(services, pod.metadata.namespace!))
      if (selectorOfService(service)?.matches(pod.metadata.labels))
        wakes.add(keyOf(service.metadata));
  return wakes;
});

/** Knows since when each change waits to be shown: upstream's TriggerTimeTracker. */
export class TriggerTimes {
  readonly #known = new Map<string, { service: number; pods: Map<string, number> }>();

  /** The earliest change since the last call, in ms; `undefined` when there is none. */
  next(service: Service, selected: readonly Pod[]): number | undefined {
    const key = keyOf(service.metadata);
    const known = this.#known.get(key);
    const times = new Map<string, number>();
    let earliest: number | undefined;
    for (const pod of selected) {
      const since = readySince(pod) || changeTime(pod);
      if (since === 0) continue;
      const { name } = pod.metadata;
      times.set(name, since);
      if (since > (known?.pods.get(name) ?? 0)) earliest = Math.min(earliest ?? since, since);
    }
    const created = timeOf(service.metadata.creationTimestamp);
    if (created > (known?.service ?? 0)) earliest = Math.min(earliest ?? created, created);
    this.#known.set(key, { service: created, pods: times });
    return known || earliest !== undefined ? earliest : undefined;
  }

  forget(key: string): void {
    this.#known.delete(key);
  }
}

function changeTime({ status }: Pod): number {
  return timeOf(status.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime);
}
