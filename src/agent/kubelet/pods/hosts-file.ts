import type { HostAlias, Pod } from '#shared/api/types/core-v1.ts';
import type { PodHostname } from './hostname.ts';

const managed = [
  '# Kubernetes-managed hosts file.',
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::0\tip6-localnet',
  'fe00::0\tip6-mcastprefix',
  'fe00::1\tip6-allnodes',
  'fe00::2\tip6-allrouters',
];

/** The text of the pod's /etc/hosts. `own` is the node's, which pods on its network see. */
export function hostsFile(
  { spec }: Pod,
  name: PodHostname,
  { podIps, own }: { readonly podIps: readonly string[]; readonly own: string },
): string {
  const aliases = aliasLines(spec.hostAliases ?? []);
  if (spec.hostNetwork) return `# Kubernetes-managed hosts file (host network).\n${own}${aliases}`;
  const { hostname, domain } = name;
  const names = domain ? `${hostname}.${domain}\t${hostname}` : hostname;
  const lines = [...managed, ...podIps.map((ip) => `${ip}\t${names}`)];
  return `${lines.join('\n')}\n${aliases}`;
}

function aliasLines(aliases: readonly HostAlias[]): string {
  if (aliases.length === 0) return '';
  const lines = aliases.map(({ ip, hostnames = [] }) => [ip, ...hostnames].join('\t'));
  return `\n# Entries added by HostAliases.\n${lines.join('\n')}\n`;
}
