import { endpointSlices } from '#shared/api/discovery/endpoint-slice.ts';
import { nodes } from '#shared/api/core/node.ts';
import { services } from '#shared/api/core/service.ts';
import type { Pod, Service } from '#shared/api/types/core-v1.ts';
import type { Endpoint, EndpointPort, EndpointSlice } from '#shared/api/types/discovery-v1.ts';
import { timestamp } from '#shared/client/events.ts';
import {
  cacheIndex,
  controller,
  trigger,
  type Controller,
  type ReconcileContext,
} from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { keyOf, type New } from '#shared/kube/object.ts';
import { controllerReference } from '#shared/kube/owners.ts';
import { slicePortHash, sortedByHash } from './endpoints/order.ts';
import {
  belongsInEndpoints,
  hasClusterIp,
  hasHostname,
  isHeadless,
  nodeTrigger,
  podsOfService,
  podTrigger,
  selectorOfService,
  targetPort,
  TriggerTimes,
} from './endpoints/pods.ts';
import { planSlices, portsKey, withHints, type PortGroup } from './endpoints/slice-plan.ts';
import { byNode } from './pods/disruption.ts';
import { isNamespaceTerminating } from './pods/pod-control.ts';
import { isReady } from './pods/pod-state.ts';
import { isEqual } from './values.ts';

export const managedBy = 'endpointslice.kubernetes.io/managed-by';
export const serviceNameLabel = 'kubernetes.io/service-name';
const headless = 'service.kubernetes.io/headless';
const ourName = 'endpointslice-controller.k8s.io';
export const triggerTime = 'endpoints.kubernetes.io/last-change-trigger-time';
const reserved: ReadonlySet<string> = new Set([managedBy, serviceNameLabel, headless]);
const largeService = 200;

const isOurs = ({ metadata }: EndpointSlice): boolean => metadata.labels?.[managedBy] === ourName;

function serviceKey({ metadata }: EndpointSlice): string | undefined {
  const name = metadata.labels?.[serviceNameLabel];
  return name ? keyOf({ namespace: metadata.namespace, name }) : undefined;
}

/** Keeps the EndpointSlices of services that select pods. */
export function createEndpointSliceController(): Controller<Service> {
  const times = new TriggerTimes();
  /** What we wrote last into each slice: such a change is no news. */
  const written = new Map<string, string>();
  return controller<Service>({
    name: 'endpointslice-controller',
    eventSource: 'endpoint-slice-controller',
    watches: services,
    reads: [nodes],
    indexes: [
      byNode,
      cacheIndex(endpointSlices, 'service', (slice) => {
        const key = isOurs(slice) ? serviceKey(slice) : undefined;
        return key ? [key] : [];
      }),
    ],
    triggers: [
      podTrigger,
      nodeTrigger,
      trigger(endpointSlices, ({ before, after }) => {
        const { uid, resourceVersion } = (after ?? before)!.metadata;
        if (after ? written.get(uid) === resourceVersion : written.delete(uid) && !before)
          return [];
        const keys = [before, after].flatMap((slice) =>
          slice && isOurs(slice) ? [serviceKey(slice)] : [],
        );
        return keys.filter((key) => key !== undefined);
      }),
    ],
    async reconcile(service, context) {
      if (!selectorOfService(service)) return undefined;
      const pass = new Pass(service, { context, times, written });
      return await pass.run();
    },
    async gone({ key }) {
      times.forget(key);
    },
  });
}

class Pass {
  readonly #service: Service;
  readonly #context: ReconcileContext;
  readonly #times: TriggerTimes;
  readonly #written: Map<string, string>;
  readonly #labels: Readonly<Record<string, string>>;
  #trigger: string | undefined;
  #missingNode: string | undefined;

  constructor(
    service: Service,
    from: { context: ReconcileContext; times: TriggerTimes; written: Map<string, string> },
  ) {
    this.#service = service;
    this.#context = from.context;
    this.#times = from.times;
    this.#written = from.written;
    const own = Object.entries(service.metadata.labels ?? {}).filter(([key]) => !reserved.has(key));
    this.#labels = {
      ...Object.fromEntries(own),
      ...(!hasClusterIp(service) && { [headless]: '' }),
      [serviceNameLabel]: service.metadata.name,
      [managedBy]: ourName,
    };
  }

  async run() {
    const { cache } = this.#context;
    const selected = podsOfService(this.#service, cache);
    const since = this.#times.next(this.#service, selected);
    this.#trigger = since === undefined ? undefined : timestamp(since);
    const existing = [...cache.by(endpointSlices, 'service', this.#context.key)].filter(
      ({ metadata }) => !metadata.deletionTimestamp,
    );
    const types = addressTypes(this.#service);
    for (const slice of existing) if (!types.includes(slice.addressType)) await this.#remove(slice);
    for (const type of types) {
      const own = existing.filter(({ addressType }) => addressType === type);
      await this.#reconcileType(type, selected, own);
    }
    if (this.#missingNode) throw new Error(this.#missingNode);
    const isLarge = selected.length > largeService;
    return isLarge ? { restMs: selected.length / 20 } : undefined;
  }

  async #reconcileType(
    addressType: string,
    selected: readonly Pod[],
    existing: readonly EndpointSlice[],
  ): Promise<void> {
    const groups = new Map<string, { ports: readonly EndpointPort[]; wanted: Endpoint[] }>();
    for (const pod of selected) this.#place(pod, addressType, groups);
    const owned = existing.filter((slice) => this.#owns(slice));
    const remove = existing.filter((slice) => !owned.includes(slice));
    const byPorts = new Map<string, EndpointSlice[]>();
    for (const slice of owned) {
      const key = portsKey(slice.ports ?? []);
      byPorts.set(key, [...(byPorts.get(key) ?? []), slice]);
    }
    const create: New<EndpointSlice>[] = [];
    const update: EndpointSlice[] = [];
    for (const [key, { ports, wanted }] of groups) {
      const group: PortGroup = { ports, wanted, existing: byPorts.get(key) ?? [] };
      byPorts.delete(key);
      const plan = planSlices(group, (slice) => this.#isStale(slice));
      for (const { endpoints } of plan.create)
        create.push(this.#newSlice(addressType, ports, endpoints));
      for (const { slice, endpoints } of plan.update) update.push(this.#updated(slice, endpoints));
      remove.push(...plan.remove);
    }
    for (const slices of byPorts.values()) remove.push(...slices);
    if (remove.length === existing.length && create.length === 0) {
      const placeholder = this.#newSlice(addressType, [], []);
      const [only] = remove;
      if (remove.length === 1 && only && this.#isPlaceholder(only)) remove.pop();
      else create.push(placeholder);
    }
    await this.#carryOut(create, update, remove);
  }

  #place(
    pod: Pod,
    addressType: string,
    groups: Map<string, { ports: readonly EndpointPort[]; wanted: Endpoint[] }>,
  ): void {
    if (!belongsInEndpoints(pod, true)) return;
    const { cache } = this.#context;
    const { nodeName } = pod.spec;
    const node = nodeName ? cache.get(nodes, nodeName) : undefined;
    const { metadata, spec } = this.#service;
    const ports = portsOf(this.#service, pod);
    const key = portsKey(ports);
    const group = groups.get(key) ?? { ports, wanted: [] };
    groups.set(key, group);
    if (!node && !spec.publishNotReadyAddresses) {
      this.#missingNode ??= `skipping Pod ${pod.metadata.name} for Service ${keyOf(metadata)}: Node ${nodeName ?? ''} Not Found`;
      return;
    }
    const zone = node?.metadata.labels?.['topology.kubernetes.io/zone'];
    const endpoint = endpointOf(pod, this.#service, { addressType, zone });
    if (endpoint.addresses.length > 0)
      group.wanted.push(withHints(endpoint, spec.trafficDistribution));
  }

  #owns({ metadata }: EndpointSlice): boolean {
    return (
      metadata.ownerReferences?.some(
        ({ uid, kind, apiVersion }) =>
          uid === this.#service.metadata.uid && kind === 'Service' && apiVersion === 'v1',
      ) ?? false
    );
  }

  /** Labels or hints are not as the service wants them. */
  #isStale(slice: EndpointSlice): boolean {
    const own = Object.entries(slice.metadata.labels ?? {}).filter(([key]) => !reserved.has(key));
    const wanted = Object.entries(this.#labels).filter(([key]) => !reserved.has(key));
    if (!isEqual(Object.fromEntries(own), Object.fromEntries(wanted))) return true;
    const { trafficDistribution } = this.#service.spec;
    return (slice.endpoints ?? []).some(
      (endpoint) => !isEqual(withHints(endpoint, trafficDistribution).hints, endpoint.hints),
    );
  }

  #isPlaceholder({ metadata, endpoints, ports }: EndpointSlice): boolean {
    return (
      (endpoints?.length ?? 0) === 0 &&
      (ports?.length ?? 0) === 0 &&
      isEqual(metadata.labels, this.#labels)
    );
  }

  #annotated(annotations: Readonly<Record<string, string>> | undefined) {
    const { [triggerTime]: _, ...others } = annotations ?? {};
    const next = { ...others, ...(this.#trigger && { [triggerTime]: this.#trigger }) };
    return Object.keys(next).length > 0 ? { annotations: next } : {};
  }

  #newSlice(
    addressType: string,
    ports: readonly EndpointPort[],
    endpoints: readonly Endpoint[],
  ): New<EndpointSlice> {
    const { name, namespace } = this.#service.metadata;
    return {
      metadata: {
        generateName: `${name}-`,
        namespace: namespace!,
        labels: this.#labels,
        ...this.#annotated(undefined),
        ownerReferences: [controllerReference(services, this.#service)],
      },
      addressType,
      endpoints,
      ports,
    };
  }

  #updated(slice: EndpointSlice, endpoints: readonly Endpoint[]): EndpointSlice {
    const { annotations: _, ...metadata } = slice.metadata;
    const annotated = this.#annotated(slice.metadata.annotations);
    return { ...slice, metadata: { ...metadata, labels: this.#labels, ...annotated }, endpoints };
  }

  /** A slice that would go makes room for one that would come: one write instead of two. */
  async #carryOut(
    create: New<EndpointSlice>[],
    update: EndpointSlice[],
    remove: EndpointSlice[],
  ): Promise<void> {
    const { cluster } = this.#context;
    const recycled = remove.filter((slice) => {
      if (create.length === 0 || !this.#owns(slice)) return true;
      const { endpoints = [], ports = [] } = create.pop()!;
      update.push({ ...this.#updated(slice, endpoints ?? []), ports: ports ?? [] });
      return false;
    });
    if (!this.#service.metadata.deletionTimestamp)
      for (const slice of create)
        try {
          this.#wrote(await cluster.create(endpointSlices, slice));
        } catch (error) {
          if (isNamespaceTerminating(error)) return;
          throw error;
        }
    for (const slice of update) this.#wrote(await cluster.update(endpointSlices, slice));
    for (const slice of recycled) await this.#remove(slice);
  }

  #wrote({ metadata }: EndpointSlice): void {
    this.#written.set(metadata.uid, metadata.resourceVersion);
  }

  async #remove({ metadata: { namespace, name } }: EndpointSlice): Promise<void> {
    try {
      await this.#context.cluster.delete(endpointSlices, { namespace, name });
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
    }
  }
}

function addressTypes({ spec }: Service): readonly string[] {
  if (spec.ipFamilies?.length) return spec.ipFamilies;
  if (spec.clusterIP && spec.clusterIP !== 'None')
    return [spec.clusterIP.includes(':') ? 'IPv6' : 'IPv4'];
  return ['IPv4', 'IPv6'];
}

function portsOf(service: Service, pod: Pod): readonly EndpointPort[] {
  const found: EndpointPort[] = [];
  const { ports = [] } = service.spec;
  if (ports.length === 0 && isHeadless(service)) return found;
  for (const one of ports) {
    const port = targetPort(pod, one);
    const { name = '', protocol, appProtocol } = one;
    if (port !== undefined)
      found.push({ name, port, protocol: protocol ?? 'TCP', ...(appProtocol && { appProtocol }) });
  }
  return sortedByHash(found, slicePortHash);
}

function endpointOf(
  pod: Pod,
  service: Service,
  { addressType, zone }: { readonly addressType: string; readonly zone: string | undefined },
): Endpoint {
  const { namespace, name, uid, deletionTimestamp } = pod.metadata;
  const serving = isReady(pod);
  const terminating = deletionTimestamp !== undefined;
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
  const wantsV6 = addressType === 'IPv6';
  const addresses = (pod.status.podIPs ?? [])
    .map(({ ip }) => ip)
    .filter((ip) => ip.includes(':') === wantsV6);
  return {
    addresses,
    conditions: { ready, serving, terminating },
    ...(hasHostname(pod, service) && { hostname: pod.spec.hostname! }),
    targetRef: { kind: 'Pod', namespace: namespace!, name, uid },
    ...(pod.spec.nodeName && { nodeName: pod.spec.nodeName }),
    ...(zone && { zone }),
  };
}
