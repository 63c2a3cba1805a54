import type { Answer, SoaAnswer } from 'dns-packet';
import { find, namesOf, type NameContext, type Place } from '#agent/dns/cluster-names.ts';
import { formatIp, isIpv6, parseIp } from '#shared/kube/ip.ts';

export interface AskedName {
  /** Lower case, without the last dot. */
  readonly name: string;
  /** `A`, `SRV` …, by dns-packet's names. */
  readonly type: string;
}

/** What a server that is the authority for a name says about it. */
export interface ZoneAnswer {
  readonly isThere: boolean;
  readonly answers: readonly Answer[];
  readonly additionals?: readonly Answer[];
  /** Where the name leads on to: the answer goes on with what that name has. */
  readonly alias?: string;
  readonly authority: SoaAnswer;
}

export interface ZoneContext extends NameContext {
  /** Seconds since 1970, the zone's serial number. */
  readonly now: number;
}

/** How long clients may keep an answer, the absence of one as well; upstream's default. */
export const ttl = 5;

const reverseZones = ['in-addr.arpa', 'ip6.arpa'];

/** The zone of ours that the name lies in: the cluster's domain, or one of addresses. */
export function zoneOf({ name }: AskedName, { zone }: NameContext): string | undefined {
  return [zone, ...reverseZones].find((own) => name === own || name.endsWith(`.${own}`));
}

export function answerFor(asked: AskedName, zone: string, context: ZoneContext): ZoneAnswer {
  const authority = authorityOf(zone, context.now);
  if (reverseZones.includes(zone)) return reverseAnswer(asked, zone, { ...context, authority });
  const labels = asked.name
    .slice(0, -zone.length - 1)
    .split('.')
    .filter((label) => label !== '');
  const found = find(labels, context);
  if (!found) return { isThere: false, answers: [], authority };
  if ('alias' in found) {
    const isFollowed = ['A', 'AAAA', 'CNAME'].includes(asked.type);
    const answers = isFollowed ? [record(asked.name, 'CNAME', found.alias)] : [];
    const leads = isFollowed && asked.type !== 'CNAME' ? { alias: found.alias } : {};
    return { isThere: true, answers, authority, ...leads };
  }
  return { isThere: true, authority, ...recordsOf(asked, found.places, context, authority) };
}

/** The address that a name of the reverse zones asks about. */
export function addressOf({ name }: AskedName): string | undefined {
  if (name.endsWith('.in-addr.arpa')) {
    const parts = name.split('.').slice(0, -2).toReversed();
    return parts.length === 4 ? parseIp(parts.join('.')) && parts.join('.') : undefined;
  }
  const digits = name.split('.').slice(0, -2).toReversed().join('');
  if (!/^[0-9a-f]{32}$/.test(digits)) return undefined;
  const parsed = parseIp(digits.match(/.{4}/g)!.join(':'));
  return parsed && formatIp(parsed);
}

function reverseAnswer(
  asked: AskedName,
  _zone: string,
  context: ZoneContext & { readonly authority: SoaAnswer },
): ZoneAnswer {
  const { authority } = context;
  const ip = addressOf(asked);
  const names = ip === undefined ? [] : namesOf(ip, context);
  const isApex = reverseZones.includes(asked.name);
  return {
    isThere: names.length > 0 || isApex,
    answers: asked.type === 'PTR' ? names.map((name) => record(asked.name, 'PTR', name)) : [],
    authority,
  };
}

function recordsOf(
  { name, type }: AskedName,
  places: readonly Place[],
  { zone, view, serverIp }: NameContext,
  authority: SoaAnswer,
): Pick<ZoneAnswer, 'answers' | 'additionals'> {
  const isApex = name === zone;
  switch (type) {
    case 'A':
    case 'AAAA':
      return { answers: distinct(addressRecords(name, type, places)) };
    case 'SRV':
      return serviceRecords(name, places);
    case 'TXT':
      return { answers: name === `dns-version.${zone}` ? [versionRecord(name)] : [] };
    case 'SOA':
      return { answers: isApex ? [authority] : [] };
    case 'NS': {
      if (!isApex) return { answers: [] };
      const [server] = view.servicesAt(serverIp);
      const target = server
        ? `${server.metadata.name}.${server.metadata.namespace}.svc.${zone}`
        : `ns.dns.${zone}`;
      return {
        answers: [record(name, 'NS', target)],
        additionals: [addressRecord(target, serverIp)],
      };
    }
    default:
      return { answers: [] };
  }
}

function addressRecords(
  name: string,
  type: 'A' | 'AAAA',
  places: readonly Place[],
): readonly Answer[] {
  return places
    .filter(({ ip }) => isIpv6(ip) === (type === 'AAAA'))
    .map(({ ip }) => addressRecord(name, ip));
}

/** All places weigh the same; the weights of one name add up to 100. */
function serviceRecords(
  name: string,
  places: readonly Place[],
): Required<Pick<ZoneAnswer, 'answers' | 'additionals'>> {
  const weight = Math.max(1, Math.floor(100 / places.length));
  const reachable = places.filter(({ port }) => port !== undefined);
  return {
    answers: distinct(
      reachable.map(({ target, port = 0 }): Answer => ({
        name,
        type: 'SRV',
        ttl,
        data: { priority: 0, weight, port, target },
      })),
    ),
    additionals: distinct(reachable.map(({ target, ip }) => addressRecord(target, ip))),
  };
}

function versionRecord(name: string): Answer {
  return { name, type: 'TXT', ttl, data: '1.1.0' };
}

function addressRecord(name: string, ip: string): Answer {
  return record(name, isIpv6(ip) ? 'AAAA' : 'A', ip);
}

function record(name: string, type: 'A' | 'AAAA' | 'CNAME' | 'NS' | 'PTR', data: string): Answer {
  return { name, type, ttl, data };
}

function authorityOf(zone: string, now: number): SoaAnswer {
  return {
    name: zone,
    type: 'SOA',
    ttl,
    data: {
      mname: `ns.dns.${zone}`,
      rname: `hostmaster.${zone}`,
      serial: now,
      refresh: 7200,
      retry: 1800,
      expire: 86_400,
      minimum: ttl,
    },
  };
}

function distinct(records: readonly Answer[]): readonly Answer[] {
  return [...new Map(records.map((one) => [JSON.stringify(one), one])).values()];
}
