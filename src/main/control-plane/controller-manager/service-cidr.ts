import { ipAddresses } from '#shared/api/networking/ip-address.ts';
import { serviceCidrs } from '#shared/api/networking/service-cidr.ts';
import type { IPAddress, ServiceCIDR } from '#shared/api/types/networking-v1.ts';
import { timestamp } from '#shared/client/events.ts';
import { controller, trigger, type Cache, type ReconcileContext } from '#shared/kube/controller.ts';
import { parseCidr, parseIp, type IpAddress, type IpRange } from '#shared/kube/ip.ts';
import { conditionOf, withoutCondition, type Condition } from './conditions.ts';
import { timeOf } from './values.ts';

const finalizer = 'networking.k8s.io/service-cidr-finalizer';
const managedBy = 'ipaddress.kubernetes.io/managed-by';
/** Time for every API server to hear that the range is going, and to give out no more of it. */
const graceMs = 10_000;

/** Keeps a range of service addresses for as long as addresses in it have no other home. */
export const serviceCidrController = controller<ServiceCIDR>({
  name: 'service-cidrs-controller',
  watches: serviceCidrs,
  triggers: [
    trigger(serviceCidrs, ({ before, after }, cache) => {
      if (before && after) return [];
      const ranges = rangesOf((after ?? before)!);
      return named(cache, (range) =>
        ranges.some(
          (one) =>
            contains(range, one.address, one.bits) || contains(one, range.address, range.bits),
        ),
      );
    }),
    trigger(ipAddresses, ({ before, after }, cache) => {
      const address = before && after ? undefined : addressOf((after ?? before)!);
      return address ? named(cache, (range) => contains(range, address)) : [];
    }),
  ],

  async reconcile(cidr, context) {
    const { metadata } = cidr;
    const isGuarded = metadata.finalizers?.includes(finalizer) ?? false;
    const { cluster, clock, cache } = context;
    if (metadata.deletionTimestamp === undefined) {
      const finalizers = [...(metadata.finalizers ?? []), finalizer];
      const guarded = isGuarded
        ? cidr
        : await cluster.update(serviceCidrs, { ...cidr, metadata: { ...metadata, finalizers } });
      const message = 'Kubernetes Service CIDR is ready';
      await report(guarded, { type: 'Ready', status: 'True', reason: '', message }, context);
      return undefined;
    }
    if (!mayGo(cidr, cache)) {
      const message =
        'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR';
      const condition = { type: 'Ready', status: 'False', reason: 'Terminating', message };
      await report(cidr, condition, context);
      return undefined;
    }
    const left = timeOf(metadata.deletionTimestamp) + graceMs - clock.now();
    if (left > 0) return { afterMs: left };
    if (!isGuarded) return undefined;
    const finalizers = metadata.finalizers!.filter((one) => one !== finalizer);
    await cluster.update(serviceCidrs, { ...cidr, metadata: { ...metadata, finalizers } });
    return undefined;
  },
});

async function report(
  cidr: ServiceCIDR,
  condition: Condition & { readonly reason: string; readonly message: string },
  { cluster, clock }: ReconcileContext,
): Promise<void> {
  const { conditions } = cidr.status;
  const known = conditionOf(conditions, condition.type);
  const isSame =
    known?.status === condition.status &&
    (known.reason ?? '') === condition.reason &&
    known.message === condition.message;
  if (isSame) return;
  const lastTransitionTime = timestamp(clock.now());
  const next = [
    ...withoutCondition(conditions, condition.type),
    { ...condition, lastTransitionTime },
  ];
  const status = { ...cidr.status, conditions: next };
  await cluster.update(serviceCidrs, { ...cidr, status }, { subresource: 'status' });
}

/** Every address in it is in another range too, or there is none. */
function mayGo(cidr: ServiceCIDR, cache: Cache): boolean {
  const { name } = cidr.metadata;
  const others = [...cache.list(serviceCidrs)]
    .filter(({ metadata }) => metadata.name !== name)
    .flatMap(rangesOf);
  const own = rangesOf(cidr);
  if (own.every(({ address, bits }) => others.some((one) => contains(one, address, bits))))
    return true;
  for (const object of cache.list(ipAddresses)) {
    const address = addressOf(object);
    if (!address || !own.some((range) => contains(range, address))) continue;
    if (!others.some((range) => contains(range, address))) return false;
  }
  return true;
}

function rangesOf({ spec }: ServiceCIDR): readonly IpRange[] {
  return (spec.cidrs ?? []).map(parseCidr).filter((range) => range !== undefined);
}

/** Only addresses that the API server gave out count. */
function addressOf({ metadata }: IPAddress): IpAddress | undefined {
  return metadata.labels?.[managedBy] === 'ipallocator.k8s.io' ? parseIp(metadata.name) : undefined;
}

function named(cache: Cache, isMeant: (range: IpRange) => boolean): string[] {
  const found = [...cache.list(serviceCidrs)].filter((cidr) => rangesOf(cidr).some(isMeant));
  return found.map(({ metadata }) => metadata.name);
}

function contains(range: IpRange, { bytes }: IpAddress, bits = bytes.length * 8): boolean {
  if (bytes.length !== range.address.bytes.length || range.bits > bits) return false;
  return range.address.bytes.every((byte, index) => {
    const significant = Math.min(8, Math.max(0, range.bits - index * 8));
    const shift = 8 - significant;
    return byte >> shift === bytes[index]! >> shift;
  });
}
