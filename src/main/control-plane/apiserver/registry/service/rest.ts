import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import type {
  Finish,
  KindRest,
  WriteContext,
} from '#main/control-plane/apiserver/registry/kind-rest.ts';
import {
  release,
  type IpFamily,
  type ServiceKey,
} from '#main/control-plane/apiserver/registry/service/cluster-ips.ts';
import { portsOf } from '#main/control-plane/apiserver/registry/service/node-ports.ts';
import { cacheOf } from '#main/control-plane/apiserver/registry/storage-of.ts';
import { endpoints } from '#shared/api/core/endpoints.ts';
import { services } from '#shared/api/core/service.ts';
import { validateClusterIps } from '#shared/api/core/service/cluster-ips.ts';
import type { Service, ServiceSpec } from '#shared/api/types/core-v1.ts';
import { ApiError, invalid, type FieldError } from '#shared/kube/errors.ts';
import { invalidValue } from '#shared/kube/field-error.ts';
import type { Draft } from '#shared/kube/object.ts';

const none = 'None';

/** Addresses and ports of services are given out with the write that needs them. */
export const serviceRest: KindRest = {
  allowsCreateOnUpdate: true,
  async beginCreate(context, draft) {
    const service = draft as Draft<Service>;
    const { spec } = service;
    if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
    return allocate(context, service, undefined);
  },
  async beginUpdate(context, draft, old) {
    // The status has nothing that is given out, and the rest stays as it is.
    if (context.request.subresource === 'status') return undefined;
    const service = draft as Draft<Service>;
    // Values that the writer left out are kept before anything new is given out.
    services.prepareForUpdate?.(service, old as Service);
    return allocate(context, service, old as Service);
  },
  async afterDelete(core, object) {
    const { namespace = '', name } = object.metadata;
    for (const address of addressesOf(object as Service)) {
      await release(core, address, { namespace, name });
    }
    const cache = cacheOf(core.catalog.of(endpoints)!);
    const entry = cache.get(namespace, name);
    if (entry) await core.objects.delete(cache, entry);
  },
};

/** What one write has taken so far. */
class Taken {
  readonly addresses: string[] = [];
  readonly ports: number[] = [];
}

async function allocate(
  context: WriteContext,
  service: Draft<Service>,
  old: Service | undefined,
): Promise<Finish> {
  const { core, request } = context;
  const key = { namespace: request.namespace, name: service.metadata.name };
  settleFamilies(service, old, core);
  const taken = new Taken();
  const finish: Finish = async (isWritten) => {
    // Once stored, the ports are counted as the service's own.
    for (const port of taken.ports) core.nodePorts.giveBack(port);
    const held = addressesOf(service);
    const lost = [...addressesOf(old)].filter((address) => !held.has(address));
    for (const address of isWritten ? lost : taken.addresses) await release(core, address, key);
  };
  try {
    await allocateAddresses(context, service, { old, taken });
    allocatePorts(context, service, { old, taken });
  } catch (error) {
    await finish(false);
    throw error;
  }
  return finish;
}

interface Allocation {
  readonly old: Service | undefined;
  readonly taken: Taken;
}

async function allocateAddresses(
  { core, request }: WriteContext,
  service: Draft<Service>,
  { old, taken }: Allocation,
): Promise<void> {
  const { spec, metadata } = service;
  if (spec.type === 'ExternalName' || spec.clusterIPs?.[0] === none) return;
  const key: ServiceKey = { namespace: request.namespace, name: metadata.name };
  const held = addressesOf(old);
  const isDryRun = request.query['dryRun'] !== undefined;
  const addresses = [...(spec.clusterIPs ?? [])];
  for (const [index, family] of (spec.ipFamilies ?? []).entries()) {
    let address = addresses[index];
    if (address && held.has(address)) continue;
    try {
      if (!address) {
        address = await core.clusterIps.takeAny(core, family as IpFamily, {
          service: key,
          isDryRun,
        });
      } else if (isDryRun) core.clusterIps.check(core, address);
      else await core.clusterIps.take(core, address, key);
    } catch (error) {
      if (error instanceof ApiError) throw error;
      throw refused(
        service,
        invalidValue('spec.clusterIPs', spec.clusterIPs ?? null, (error as Error).message),
      );
    }
    addresses[index] = address;
    if (!isDryRun) taken.addresses.push(address);
  }
  if (addresses.length === 0) return;
  spec.clusterIPs = addresses;
  spec.clusterIP = addresses[0]!;
}

function allocatePorts(
  { core, request }: WriteContext,
  service: Draft<Service>,
  { old, taken }: Allocation,
): void {
  const { spec } = service;
  const { nodePorts } = core;
  const held = portsOf(old);
  const isDryRun = request.query['dryRun'] !== undefined;
  const take = (wanted: number | undefined, field: string): number => {
    if (wanted && (held.has(wanted) || taken.ports.includes(wanted))) return wanted;
    try {
      if (wanted && isDryRun) nodePorts.checkFree(wanted);
      else if (wanted) nodePorts.take(wanted);
      const port = wanted ?? nodePorts.takeAny();
      if (!(wanted && isDryRun)) taken.ports.push(port);
      return port;
    } catch (error) {
      throw refused(service, invalidValue(field, wanted ?? 0, (error as Error).message));
    }
  };
  if (needsNodePorts(spec)) allocateNodePorts(spec, take);
  if (spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local') {
    spec.healthCheckNodePort = take(
      spec.healthCheckNodePort || undefined,
      'spec.healthCheckNodePort',
    );
  }
}

/** Ports of one number and two protocols share one node port. */
function allocateNodePorts(
  spec: Draft<ServiceSpec>,
  take: (wanted: number | undefined, field: string) => number,
): void {
  const byPort = new Map<number, { protocol: string; nodePort: number }[]>();
  for (const [index, port] of (spec.ports ?? []).entries()) {
    const protocol = port.protocol ?? 'TCP';
    const others = byPort.get(port.port) ?? [];
    const shared = others.every((other) => other.protocol !== protocol)
      ? others[0]?.nodePort
      : undefined;
    if (port.nodePort || !shared) {
      port.nodePort = take(port.nodePort || undefined, `spec.ports[${index}].nodePort`);
    } else port.nodePort = shared;
    byPort.set(port.port, [...others, { protocol, nodePort: port.nodePort }]);
  }
}

function needsNodePorts({
  type,
  allocateLoadBalancerNodePorts,
  ports,
}: Draft<ServiceSpec>): boolean {
  if (type === 'NodePort') return true;
  if (type !== 'LoadBalancer') return false;
  return allocateLoadBalancerNodePorts !== false || (ports ?? []).some(({ nodePort }) => nodePort);
}

/** Which families a service has when it does not say, or says only in part. */
function settleFamilies(service: Draft<Service>, old: Service | undefined, core: Core): void {
  const { spec } = service;
  if (spec.type === 'ExternalName') return;
  // Upstream says what is malformed before it gives anything out, and says nothing else then.
  const malformed = [...validateClusterIps(spec, old?.spec)];
  if (malformed.length > 0) throw invalid(services, service.metadata.name, malformed);
  const { families } = core.clusterIps;
  const [primary = 'IPv4'] = families;
  const given = (spec.clusterIPs ?? []).filter((address) => address !== none);
  const isHeadless = spec.clusterIPs?.[0] === none;
  const isSelectorless = Object.keys(spec.selector ?? {}).length === 0;
  const isNew = !old || old.spec.type === 'ExternalName';
  if (!spec.ipFamilies?.length) {
    const foreign = [...foreignAddresses(spec, families)];
    if (foreign.length > 0) throw invalid(services, service.metadata.name, foreign);
    spec.ipFamilies = given.length > 0 ? given.map(familyOf) : [primary];
  }
  if (isHeadless && isSelectorless && isNew) {
    spec.ipFamilyPolicy ??= spec.ipFamilies.length > 1 ? 'RequireDualStack' : defaultHeadless(spec);
    if (spec.ipFamilyPolicy !== 'SingleStack' && spec.ipFamilies.length === 1) {
      spec.ipFamilies = [...spec.ipFamilies, otherFamily(spec.ipFamilies[0]!)];
    }
    return;
  }
  spec.ipFamilyPolicy ??=
    given.length > 1 || spec.ipFamilies.length > 1 ? 'RequireDualStack' : 'SingleStack';
  const causes = [...familyProblems(spec, families)];
  if (causes.length > 0) throw invalid(services, service.metadata.name, causes);
  const wantsTwo = spec.ipFamilyPolicy !== 'SingleStack' && families.length > 1;
  if (wantsTwo && spec.ipFamilies.length === 1) {
    spec.ipFamilies = [...spec.ipFamilies, otherFamily(spec.ipFamilies[0]!)];
  }
}

/** Whoever writes the endpoints by hand may write those of both families. */
function defaultHeadless({ ipFamilies }: Draft<ServiceSpec>): string {
  return (ipFamilies?.length ?? 0) <= 1 ? 'RequireDualStack' : 'SingleStack';
}

function* familyProblems(
  { ipFamilyPolicy, ipFamilies }: Draft<ServiceSpec>,
  families: readonly IpFamily[],
): Iterable<FieldError> {
  if (ipFamilyPolicy === 'RequireDualStack' && families.length < 2) {
    yield invalidValue(
      'spec.ipFamilyPolicy',
      ipFamilyPolicy,
      'this cluster is not configured for dual-stack services',
    );
  }
  for (const [index, family] of (ipFamilies ?? []).entries()) {
    if (!families.includes(family as IpFamily)) {
      yield invalidValue(`spec.ipFamilies[${index}]`, family, 'not configured on this cluster');
    }
  }
}

function* foreignAddresses(
  { clusterIPs = [] }: Draft<ServiceSpec>,
  families: readonly IpFamily[],
): Iterable<FieldError> {
  for (const [index, address] of clusterIPs.entries()) {
    if (address === none || families.includes(familyOf(address))) continue;
    const problem = `${familyOf(address)} is not configured on this cluster`;
    yield invalidValue(`spec.clusterIPs[${index}]`, clusterIPs, problem);
  }
}

function familyOf(address: string): IpFamily {
  return address.includes(':') ? 'IPv6' : 'IPv4';
}

function otherFamily(family: string): IpFamily {
  return family === 'IPv6' ? 'IPv4' : 'IPv6';
}

function addressesOf(
  service: { readonly spec: Pick<ServiceSpec, 'clusterIPs'> } | undefined,
): ReadonlySet<string> {
  return new Set((service?.spec.clusterIPs ?? []).filter((address) => address && address !== none));
}

function refused(service: Draft<Service>, cause: FieldError): ApiError {
  return invalid(services, service.metadata.name, [cause]);
}
