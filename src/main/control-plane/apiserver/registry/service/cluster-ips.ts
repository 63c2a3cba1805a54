import { randomInt, randomUUID } from 'node:crypto';
import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import { timestamp } from '#main/control-plane/apiserver/registry/metadata.ts';
import { cacheOf } from '#main/control-plane/apiserver/registry/storage-of.ts';
import { ipAddresses } from '#shared/api/networking/ip-address.ts';
import { serviceCidrs } from '#shared/api/networking/service-cidr.ts';
import type { IPAddress } from '#shared/api/types/networking-v1.ts';
import type { Draft } from '#shared/kube/object.ts';
import { formatIp, parseCidr, parseIp } from '#shared/kube/ip.ts';

export type IpFamily = 'IPv4' | 'IPv6';

export interface ServiceKey {
  readonly namespace: string;
  readonly name: string;
}

interface Range {
  readonly text: string;
  readonly family: IpFamily;
  readonly first: bigint;
  /** How many addresses, the network's own and the broadcast address included. */
  readonly size: bigint;
}

/** Addresses below are taken last, so that who wants a certain one finds it free. */
const mostStatic = 256n;
const leastStatic = 16n;
/** A hole in a crowded range is looked for at so many places before it is searched from end to end. */
const randomAttempts = 32;

/** Gives out the addresses of services; each that is taken is an IPAddress object. */
export class ClusterIps {
  /** CIDRs that count besides the ServiceCIDR objects. */
  readonly #configured: readonly Range[];

  constructor(cidrs: readonly string[]) {
    this.#configured = cidrs.map(rangeOf);
  }

  /** The families that the cluster has, the primary one first. */
  get families(): readonly IpFamily[] {
    return [...new Set(this.#configured.map(({ family }) => family))];
  }

  /** Throws with the reason as message when the address cannot be had. */
  async take(core: Core, address: string, service: ServiceKey): Promise<void> {
    const number = numberOf(address);
    const ranges = this.#ranges(core);
    if (!ranges.some((range) => isUsable(range, number))) {
      throw new Error(
        `failed to allocate IP ${address}: the provided IP (${address}) is not in the valid range. The range of valid IPs is ${ranges.map(({ text }) => text).join(',')}`,
      );
    }
    if (!(await claim(core, address, service))) {
      throw new Error(`failed to allocate IP ${address}: provided IP is already allocated`);
    }
  }

  /** The same without an effect: only the range is checked, as upstream's dry run does. */
  check(core: Core, address: string): void {
    const number = numberOf(address);
    const ranges = this.#ranges(core);
    if (ranges.some((range) => isUsable(range, number))) return;
    throw new Error(
      `failed to allocate IP ${address}: the provided IP (${address}) is not in the valid range. The range of valid IPs is ${ranges.map(({ text }) => text).join(',')}`,
    );
  }

  /** Any free address of the family; a dry run does not keep it. */
  async takeAny(
    core: Core,
    family: IpFamily,
    { service, isDryRun }: { readonly service: ServiceKey; readonly isDryRun: boolean },
  ): Promise<string> {
    for (const range of this.#ranges(core).filter((each) => each.family === family)) {
      for (const address of candidates(core, range)) {
        if (isDryRun || (await claim(core, address, service))) return address;
      }
    }
    throw new Error('failed to allocate a serviceIP: range is full');
  }

  #ranges(core: Core): readonly Range[] {
    const ranges = new Map(this.#configured.map((range) => [range.text, range]));
    for (const { metadata, spec, status } of core.cache.list(serviceCidrs)) {
      if (metadata.deletionTimestamp) continue;
      const isReady = status?.conditions?.some(
        (condition) => condition.type === 'Ready' && condition.status === 'True',
      );
      if (isReady) for (const cidr of spec?.cidrs ?? []) ranges.set(cidr, rangeOf(cidr));
    }
    return [...ranges.values()];
  }
}

/** Gives an address back, if it still belongs to the service. */
export async function release(core: Core, address: string, service: ServiceKey): Promise<void> {
  const cache = cacheOf(core.catalog.of(ipAddresses)!);
  const entry = cache.get('', address);
  const parent = (entry?.object as IPAddress | undefined)?.spec?.parentRef;
  if (!entry || parent?.name !== service.name || parent.namespace !== service.namespace) return;
  await core.objects.delete(cache, entry);
}

async function claim(core: Core, address: string, service: ServiceKey): Promise<boolean> {
  const cache = cacheOf(core.catalog.of(ipAddresses)!);
  const { namespace, name } = service;
  const taken = cache.get('', address);
  if (taken) {
    // The repair loop of the server that wrote a restored service may have been first.
    const parent = (taken.object as IPAddress).spec?.parentRef;
    const isOwn = parent?.resource === 'services' && parent.name === name;
    return isOwn && parent.namespace === namespace && !hasService(core, service);
  }
  const object: Draft<IPAddress> = {
    kind: 'IPAddress',
    apiVersion: 'networking.k8s.io/v1',
    metadata: {
      name: address,
      uid: randomUUID(),
      resourceVersion: '',
      creationTimestamp: timestamp(core.clock),
      labels: {
        'ipaddress.kubernetes.io/ip-family': address.includes(':') ? 'IPv6' : 'IPv4',
        'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
      },
    },
    spec: { parentRef: { resource: 'services', namespace, name } },
  };
  return (await core.objects.create(cache, object)).isWritten;
}

function hasService(core: Core, { namespace, name }: ServiceKey): boolean {
  const services = core.catalog.get('', 'v1', 'services');
  return services?.cache?.get(namespace, name) !== undefined;
}

/** First at random above the band of static addresses, then all there are. */
function* candidates(core: Core, range: Range): Iterable<string> {
  const cache = cacheOf(core.catalog.of(ipAddresses)!);
  const isFree = (address: string): boolean => cache.get('', address) === undefined;
  const last = range.family === 'IPv4' ? range.size - 2n : range.size - 1n;
  const band = staticBand(range.size);
  const lowest = band <= last ? band : 1n;
  const spread = Number(last - lowest + 1n < 2n ** 31n ? last - lowest + 1n : 2n ** 31n);
  for (let attempt = 0; attempt < randomAttempts; attempt++) {
    const address = textOf(range, lowest + BigInt(randomInt(spread)));
    if (isFree(address)) yield address;
  }
  const far = lowest + BigInt(spread);
  for (let offset = lowest; offset < far; offset++) {
    const address = textOf(range, offset);
    if (isFree(address)) yield address;
  }
  for (let offset = 1n; offset < lowest; offset++) {
    const address = textOf(range, offset);
    if (isFree(address)) yield address;
  }
}

/** Upstream's `min(max(16, size / 16), 256)`; none in a range too small for it. */
function staticBand(size: bigint): bigint {
  if (size - 1n < leastStatic) return 1n;
  const sixteenth = size / 16n;
  const band = sixteenth > leastStatic ? sixteenth : leastStatic;
  return (band < mostStatic ? band : mostStatic) + 1n;
}

function isUsable({ first, size, family }: Range, address: bigint): boolean {
  const offset = address - first;
  return offset > 0n && offset < size - (family === 'IPv4' ? 1n : 0n);
}

function rangeOf(text: string): Range {
  const range = parseCidr(text);
  if (!range) throw new Error(`${text} is not a range of addresses`);
  const { bytes } = range.address;
  const bits = BigInt(bytes.length * 8 - range.bits);
  const first = (bigIntOf(bytes) >> bits) << bits;
  return { text, family: bytes.length === 4 ? 'IPv4' : 'IPv6', first, size: 2n ** bits };
}

function numberOf(address: string): bigint {
  const parsed = parseIp(address);
  if (!parsed) throw new Error(`failed to allocate IP ${address}: it is not an IP address`);
  return bigIntOf(parsed.bytes);
}

function bigIntOf(bytes: ArrayLike<number>): bigint {
  return BigInt(`0x${Buffer.from(Array.from(bytes)).toString('hex')}`);
}

function textOf({ first, family }: Range, offset: bigint): string {
  const length = family === 'IPv4' ? 4 : 16;
  const hex = (first + offset).toString(16).padStart(length * 2, '0');
  return formatIp({ bytes: [...Buffer.from(hex, 'hex')] });
}
