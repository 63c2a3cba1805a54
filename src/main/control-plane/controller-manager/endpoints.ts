import { endpoints } from '#shared/api/core/endpoints.ts';
import { services } from '#shared/api/core/service.ts';
import type {
  EndpointAddress,
  EndpointPort,
  EndpointSubset,
  Pod,
  Service,
} from '#shared/api/types/core-v1.ts';
import { timestamp } from '#shared/client/events.ts';
import {
  controller,
  trigger,
  type Controller,
  type ReconcileContext,
} from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { keyOf } from '#shared/kube/object.ts';
import { endpointsPortHash, sortedByHash } from './endpoints/order.ts';
import {
  belongsInEndpoints,
  hasClusterIp,
  hasHostname,
  isHeadless,
  podsOfService,
  podTrigger,
  selectorOfService,
  targetPort,
  TriggerTimes,
} from './endpoints/pods.ts';
import { isNamespaceTerminating } from './pods/pod-control.ts';
import { isReady } from './pods/pod-state.ts';
import { isEqual } from './values.ts';

const headless = 'service.kubernetes.io/headless';
const managedBy = 'endpoints.kubernetes.io/managed-by';
const ourName = 'endpoint-controller';
const triggerTime = 'endpoints.kubernetes.io/last-change-trigger-time';
const overCapacity = 'endpoints.kubernetes.io/over-capacity';
const leaderElection = 'control-plane.alpha.kubernetes.io/leader';
const mostAddresses = 1000;
const largeService = 200;

/** Keeps the Endpoints that old clients read, for services that select pods. */
export function createEndpointsController(): Controller<Service> {
  const times = new TriggerTimes();
  return controller<Service>({
    name: 'endpoint-controller',
    watches: services,
    triggers: [
      podTrigger,
      trigger(endpoints, ({ before, after }) => (after ? [] : [keyOf(before!.metadata)])),
    ],
    async reconcile(service, context) {
      if (!selectorOfService(service)) return undefined;
      const selected = podsOfService(service, context.cache);
      await sync(service, { selected, since: times.next(service, selected), context });
      return selected.length > largeService ? { restMs: selected.length / 20 } : undefined;
    },
    async gone({ key, cache, cluster }) {
      times.forget(key);
      const left = cache.get(endpoints, key);
      if (!left || left.metadata.annotations?.[leaderElection] !== undefined) return;
      const { namespace, name } = left.metadata;
      try {
        await cluster.delete(endpoints, { namespace, name });
      } catch (error) {
        if (!ApiError.is(error, 'NotFound')) throw error;
      }
    },
  });
}

async function sync(
  service: Service,
  {
    selected,
    since,
    context,
  }: { selected: readonly Pod[]; since: number | undefined; context: ReconcileContext },
): Promise<void> {
  const { cache, cluster, events, key } = context;
  const current = cache.get(endpoints, key);
  const whole = subsetsFor(service, selected);
  const total = count(whole);
  const subsets = total > mostAddresses ? truncated(whole) : whole;
  const labels = {
    ...service.metadata.labels,
    ...(!hasClusterIp(service) && { [headless]: '' }),
    [managedBy]: ourName,
  };
  const isRight =
    current &&
    isEqual(current.subsets ?? [], subsets) &&
    isEqual(current.metadata.labels, labels) &&
    (current.metadata.annotations?.[overCapacity] !== undefined) === total > mostAddresses;
  if (isRight) return;
  const { [triggerTime]: _, [overCapacity]: __, ...others } = current?.metadata.annotations ?? {};
  const annotations = {
    ...others,
    ...(since !== undefined && { [triggerTime]: timestamp(since) }),
    ...(total > mostAddresses && { [overCapacity]: 'truncated' }),
  };
  const { name, namespace } = service.metadata;
  const metadata = { name, namespace: namespace!, labels, annotations };
  try {
    if (current)
      await cluster.update(endpoints, {
        ...current,
        metadata: { ...current.metadata, labels, annotations },
        subsets,
      });
    else await cluster.create(endpoints, { metadata, subsets });
  } catch (error) {
    if (isNamespaceTerminating(error)) return;
    const verb = current ? 'Update' : 'Create';
    const subject = current ?? {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { ...metadata, uid: '' },
    };
    const what = current ? `update endpoint ${key}` : `create endpoint for service ${key}`;
    const message = `Failed to ${what}: ${(error as Error).message}`;
    events.record(subject, 'Warning', `FailedTo${verb}Endpoint`, message);
    throw error;
  }
}

interface Placed {
  readonly address: EndpointAddress;
  readonly isReady: boolean;
}

/** Pure: addresses grouped by the ports that they all have, ready ones apart. */
export function subsetsFor(service: Service, selected: readonly Pod[]): EndpointSubset[] {
  const { publishNotReadyAddresses = false, ports = [] } = service.spec;
  const byPort = new Map<string, { port: EndpointPort | undefined; placed: Map<string, Placed> }>();
  const place = (pod: Pod, port: EndpointPort | undefined): void => {
    const key = port ? JSON.stringify([port.name, port.port, port.protocol, port.appProtocol]) : '';
    const group = byPort.get(key) ?? { port, placed: new Map<string, Placed>() };
    byPort.set(key, group);
    const address = addressOf(pod, service);
    const id = `${address.ip}/${pod.metadata.uid}`;
    group.placed.set(id, { address, isReady: publishNotReadyAddresses || isReady(pod) });
  };
  for (const pod of selected) {
    if (!belongsInEndpoints(pod, publishNotReadyAddresses) || !ipOf(pod, service)) continue;
    if (ports.length === 0) {
      if (isHeadless(service)) place(pod, undefined);
      continue;
    }
    for (const one of ports) {
      const port = targetPort(pod, one);
      if (port === undefined) continue;
      const { name, protocol, appProtocol } = one;
      place(pod, {
        ...(name && { name }),
        port,
        ...(protocol && { protocol }),
        ...(appProtocol && { appProtocol }),
      });
    }
  }
  return repacked([...byPort.values()]);
}

function repacked(
  groups: readonly { port: EndpointPort | undefined; placed: Map<string, Placed> }[],
): EndpointSubset[] {
  const byAddresses = new Map<string, { ports: EndpointPort[]; placed: readonly Placed[] }>();
  for (const { port, placed } of groups) {
    const key = [...placed]
      .map(([id, one]) => `${id}=${one.isReady}`)
      .sort()
      .join(',');
    const known = byAddresses.get(key) ?? { ports: [], placed: [...placed.values()] };
    if (port) known.ports.push(port);
    byAddresses.set(key, known);
  }
  return [...byAddresses.values()].map(({ ports, placed }) => {
    const addresses = (ready: boolean): EndpointAddress[] =>
      placed
        .filter((one) => one.isReady === ready)
        .map(({ address }) => address)
        .sort(byIp);
    const [ready, notReady] = [addresses(true), addresses(false)];
    return {
      ...(ready.length > 0 && { addresses: ready }),
      ...(notReady.length > 0 && { notReadyAddresses: notReady }),
      ...(ports.length > 0 && { ports: sortedByHash(ports, endpointsPortHash) }),
    };
  });
}

function byIp(a: EndpointAddress, b: EndpointAddress): number {
  const [left, right] = [`${a.ip}\0${a.targetRef?.uid}`, `${b.ip}\0${b.targetRef?.uid}`];
  return left < right ? -1 : Number(left > right);
}

/** The pod's address of the service's family. */
function ipOf({ status }: Pod, { spec }: Service): string | undefined {
  const wantsV6 = spec.ipFamilies?.length
    ? spec.ipFamilies[0] === 'IPv6'
    : (spec.clusterIP ?? '').includes(':');
  const all = status.podIPs?.map(({ ip }) => ip) ?? (status.podIP ? [status.podIP] : []);
  return all.find((ip) => ip.includes(':') === wantsV6);
}

function addressOf(pod: Pod, service: Service): EndpointAddress {
  const { namespace, name, uid } = pod.metadata;
  return {
    ip: ipOf(pod, service)!,
    ...(hasHostname(pod, service) && { hostname: pod.spec.hostname! }),
    ...(pod.spec.nodeName && { nodeName: pod.spec.nodeName }),
    targetRef: { kind: 'Pod', namespace: namespace!, name, uid },
  };
}

function count(subsets: readonly EndpointSubset[]): number {
  return subsets.reduce(
    (sum, { addresses = [], notReadyAddresses = [] }) =>
      sum + addresses.length + notReadyAddresses.length,
    0,
  );
}

/** At most a thousand addresses: ready ones first, each subset its share. */
function truncated(subsets: readonly EndpointSubset[]): EndpointSubset[] {
  const ready = subsets.reduce((sum, { addresses = [] }) => sum + addresses.length, 0);
  const cutsReady = ready > mostAddresses;
  const most = cutsReady ? mostAddresses : mostAddresses - ready;
  const total = cutsReady ? ready : count(subsets) - ready;
  let left = most;
  return subsets.map(({ addresses = [], notReadyAddresses = [], ...others }) => {
    const list = cutsReady ? addresses : notReadyAddresses;
    const kept = list.slice(0, Math.min(left, Math.ceil((list.length / total) * most)));
    left -= kept.length;
    const shown = cutsReady ? kept : addresses;
    const notReady = cutsReady ? [] : kept;
    return {
      ...others,
      ...(shown.length > 0 && { addresses: shown }),
      ...(notReady.length > 0 && { notReadyAddresses: notReady }),
    };
  });
}
