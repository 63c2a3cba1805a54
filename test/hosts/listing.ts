import type { Host } from '../support/hosts/host.ts';

/** What comes and goes by itself, and the package manager's own books. */
const left = [
  '/proc',
  '/sys',
  '/dev',
  '/tmp',
  '/run/systemd',
  '/run/user',
  '/run/log',
  '/var/log/journal',
  '/var/log/apt',
  '/var/cache',
  '/var/lib/apt',
  '/var/lib/dpkg',
  '/var/lib/systemd',
];

/** Names, owners and modes of all files; units, links, addresses, routes, tables, mounts, packages. */
export async function listing(host: Host): Promise<readonly string[]> {
  const prunes = left.map((path) => `-path ${path}`).join(' -o ');
  const out = await host.run(
    `find / -xdev \\( ${prunes} \\) -prune -o -printf '%y %m %u %p %l\\n'
find /var/lib/containerd -printf '%y %m %u %p %l\\n'
find /run -xdev \\( -path /run/systemd -o -path /run/user -o -path /run/log \\) -prune -o -printf '%y %m %u %p %l\\n'
systemctl list-unit-files --no-legend --plain
ip -o link | sed 's/ mtu .*//; s/^[0-9]*: //'
ip -o addr | awk '{print $2, $4}'
ip route
nft list tables 2>/dev/null
awk '{print $2, $3}' /proc/mounts
dpkg-query -W -f '\${db:Status-Status} \${Package}\\n' | grep -v '^not-installed'
sysctl -a --pattern 'ip_forward$|bridge-nf-call|max_user_' 2>/dev/null`,
  );
  // Whoever looks is logged in.
  const isOfLogin = /session-|\/run\/user|\/run\/sshd|motd|\/run\/utmp/;
  return (
    out
      .split('\n')
      .filter((line) => !isOfLogin.test(line))
      // Names that every boot makes anew.
      .map((line) => line.replace(/systemd-private-\w+|service-\w+|@if\d+/g, '…'))
      .toSorted()
  );
}
