import type { Pod } from '#shared/api/types/core-v1.ts';

export interface DnsConfig {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

/** resolv.conf as far as a pod takes it over. */
export function parseResolvConf(text: string): DnsConfig {
  const servers: string[] = [];
  let searches: readonly string[] = [];
  let options: readonly string[] = [];
  for (const line of text.split('\n')) {
    const [word = '', ...rest] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/);
    if (word === 'nameserver' && rest[0]) servers.push(rest[0]);
    if (word === 'search')
      searches = rest.map((one) => (one === '.' ? one : one.replace(/\.$/, '')));
    if (word === 'options') options = rest;
  }
  return { servers, searches, options };
}

const maxServers = 3;
const maxSearches = 32;
const maxSearchLength = 2048;

export interface DnsSources {
  readonly host: DnsConfig;
  readonly clusterDns: string;
  readonly clusterDomain: string;
}

/** What the pod's resolv.conf is to say, by its DNS policy and its own additions. */
export function podDns({ metadata, spec }: Pod, sources: DnsSources): DnsConfig {
  const own = spec.dnsConfig ?? {};
  const base = byPolicy(spec, metadata.namespace ?? '', sources);
  const options = new Map<string, string>();
  const optionOf = (text: string): [string, string] => {
    const [name = '', ...value] = text.split(':');
    return [name, value.length > 0 ? `:${value.join(':')}` : ''];
  };
  for (const text of base.options) options.set(...optionOf(text));
  for (const { name = '', value } of own.options ?? [])
    options.set(name, value === undefined || value === '' ? '' : `:${value}`);
  const unique = (list: readonly string[]): string[] => [...new Set(list)];
  return {
    servers: unique([...base.servers, ...(own.nameservers ?? [])]).slice(0, maxServers),
    searches: fitting(unique([...base.searches, ...(own.searches ?? [])])),
    options: [...options].map(([name, value]) => name + value).sort(),
  };
}

function byPolicy(spec: Pod['spec'], namespace: string, sources: DnsSources): DnsConfig {
  const { host, clusterDns, clusterDomain } = sources;
  const { dnsPolicy = 'ClusterFirst' } = spec;
  if (dnsPolicy === 'None') return { servers: [], searches: [], options: [] };
  const isCluster =
    dnsPolicy === 'ClusterFirstWithHostNet' || (dnsPolicy === 'ClusterFirst' && !spec.hostNetwork);
  if (!isCluster) return host;
  const searches = [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain];
  return {
    servers: [clusterDns],
    searches: [...searches, ...host.searches],
    options: ['ndots:5', ...host.options.filter((one) => !one.startsWith('ndots:'))],
  };
}

function fitting(searches: readonly string[]): string[] {
  const kept: string[] = [];
  let length = 0;
  for (const one of searches.slice(0, maxSearches)) {
    length += one.length + (kept.length > 0 ? 1 : 0);
    if (length > maxSearchLength) break;
    kept.push(one);
  }
  return kept;
}
