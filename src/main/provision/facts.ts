import { runOn, type Machine } from '#main/provision/machine.ts';
import type { Clock } from '#shared/base/clock.ts';
import { routeProtocol } from '#shared/kube/node-routes.ts';

export interface Disk {
  readonly path: string;
  readonly freeKiB: number;
}

export interface Range {
  /** `10.77.0.0/24`; an address alone is a range of one. */
  readonly cidr: string;
  readonly device: string;
}

/** What a machine is, as far as becoming a node is concerned. */
export interface Facts {
  readonly system: { readonly id: string; readonly name: string; readonly hasApt: boolean };
  /** As `uname -m` says. */
  readonly machine: string;
  readonly userlandBits: number;
  readonly kernel: string;
  readonly hasSystemd: boolean;
  readonly cgroups: { readonly version: 1 | 2; readonly controllers: readonly string[] };
  readonly memoryKiB: number;
  readonly hasSwap: boolean;
  readonly disks: readonly Disk[];
  readonly isRootWritable: boolean;
  /** How far its clock is ahead of ours. */
  readonly clockAheadMs: number;
  readonly hostname: string;
  /** The address that we reached it by, else that of its default route. */
  readonly address: string;
  readonly addresses: readonly string[];
  readonly ranges: readonly Range[];
  readonly isKubeletPortTaken: boolean;
  /** Other programs that would be in the way: `k3s`, `docker` … */
  readonly others: readonly string[];
  /** Firewalls that are on. */
  readonly firewalls: readonly string[];
  /** Whether apt knows a package by this name, or has it installed. */
  readonly availablePackages: readonly string[];
  readonly hasOverlay: boolean;
  readonly hasBridgeFilter: boolean;
  /** Without it the OOM score of processes cannot be lowered. */
  readonly mayRaiseLimits: boolean;
  /** Of the agent that is on it already. */
  readonly agent: { readonly nodeName: string; readonly cluster: string } | undefined;
}

export interface InspectionOptions {
  readonly clock: Clock;
  /** Debian's names of what will be installed. */
  readonly packages: readonly string[];
}

/** Looks at everything in one round trip; changes nothing. */
export async function inspect(
  machine: Machine,
  { clock, packages }: InspectionOptions,
): Promise<Facts> {
  const startedAt = clock.now();
  const startedElapsed = clock.elapsed();
  const out = await runOn(machine, inspectionScript(packages));
  const facts = sections(out);
  const took = clock.elapsed() - startedElapsed;
  return factsOf(facts, { startedAt, took });
}

type Sections = ReadonlyMap<string, readonly string[]>;

function factsOf(
  facts: Sections,
  { startedAt, took }: { readonly startedAt: number; readonly took: number },
): Facts {
  const lines = (name: string): readonly string[] => facts.get(name) ?? [];
  const first = (name: string): string => lines(name)[0] ?? '';
  const has = (name: string): boolean => first(name) === 'yes';
  const agent = first('agent');
  return {
    system: {
      id: first('os id'),
      name: lines('os id')[1] ?? first('os id'),
      hasApt: has('apt'),
    },
    machine: first('machine'),
    userlandBits: Number(first('bits')) || 64,
    kernel: first('kernel'),
    hasSystemd: has('systemd'),
    cgroups: {
      version: first('cgroup') === 'cgroup2fs' ? 2 : 1,
      controllers: lines('controllers')
        .flatMap((line) => line.split(' '))
        .filter(Boolean),
    },
    memoryKiB: Number(first('memory')),
    hasSwap: lines('swap').length > 0,
    disks: lines('disk').map((line) => {
      const [freeKiB, path = ''] = line.split(' ');
      return { path, freeKiB: Number(freeKiB) };
    }),
    isRootWritable: has('writable'),
    clockAheadMs: aheadBy([first('clock'), first('clock at the end')], { startedAt, took }),
    hostname: first('hostname').toLowerCase(),
    address: first('address'),
    addresses: rangesOf(lines('addresses')).map(({ cidr }) => cidr.replace(/\/.*/, '')),
    ranges: rangesOf([...lines('addresses'), ...lines('routes')]),
    isKubeletPortTaken: has('port'),
    others: lines('others'),
    firewalls: lines('firewalls'),
    availablePackages: lines('packages'),
    hasOverlay: has('overlay'),
    hasBridgeFilter: has('bridge filter'),
    mayRaiseLimits: (BigInt(`0x${first('capabilities') || '0'}`) >> 24n) % 2n === 1n,
    agent: agent === '' ? undefined : (JSON.parse(agent) as NonNullable<Facts['agent']>),
  };
}

/** Links of pods, which come and go. */
const ourDevices = /^(cni0|veth|pilothouse)/;

/** What the machine has by itself, from lines of a device and a range. */
function rangesOf(lines: readonly string[]): Range[] {
  return lines.flatMap((line) => {
    const [device = '', cidr = ''] = line.split(' ');
    return ourDevices.test(device) ? [] : { device, cidr };
  });
}

/**
 * Its clock was read some time between the question and the answer, less what the look itself took:
 * the difference counts beyond that.
 */
function aheadBy(
  [begin, end]: readonly [string, string],
  { startedAt, took }: { readonly startedAt: number; readonly took: number },
): number {
  const theirs = Number(begin);
  if (theirs < startedAt) return theirs - startedAt;
  const onTheWayMs = Math.max(0, took - (Number(end) - theirs));
  return Math.max(0, theirs - startedAt - onTheWayMs);
}

function sections(text: string): Sections {
  const found = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('@@')) found.set(line.slice(2), (current = []));
    else if (line !== '') current.push(line);
  }
  return found;
}

/** Each fact stands below its name; every command may fail, and then there is no fact. */
function inspectionScript(packages: readonly string[]): string {
  const parts: Readonly<Record<string, string>> = {
    clock: 'date +%s%3N',
    'os id': '(. /etc/os-release; echo "$ID"; echo "$PRETTY_NAME")',
    apt: 'command -v apt-get >/dev/null && echo yes',
    machine: 'uname -m',
    bits: 'getconf LONG_BIT',
    kernel: 'uname -r',
    systemd: '[ -d /run/systemd/system ] && echo yes',
    cgroup: 'stat -fc %T /sys/fs/cgroup',
    controllers: `cat /sys/fs/cgroup/cgroup.controllers 2>/dev/null || awk '!/^#/ && $4 == 1 {print $1}' /proc/cgroups`,
    memory: `awk '/^MemTotal:/ {print $2}' /proc/meminfo`,
    swap: 'tail -n +2 /proc/swaps',
    disk: `for folder in /var/lib /opt; do df -Pk $folder | awk -v folder=$folder 'NR == 2 {print $4, folder}'; done`,
    writable: '[ -w /etc ] && [ -w /usr ] && echo yes',
    hostname: 'hostname',
    address: `if [ -n "$SSH_CONNECTION" ]; then echo "$SSH_CONNECTION" | cut -d' ' -f3; else ip -4 route get 192.0.2.1 | sed -n 's/.* src \\([^ ]*\\).*/\\1/p'; fi`,
    addresses: `ip -o -4 addr show | awk '$2 != "lo" {print $2, $4}'`,
    routes: `ip -4 route show | awk '$1 != "default" && !/ proto ${routeProtocol}( |$)/ {for (i = 1; i < NF; i++) if ($i == "dev") print $(i + 1), $1}'`,
    port: `awk '$2 ~ /:280A$/ && $4 == "0A" {found = 1} END {if (found) print "yes"}' /proc/net/tcp /proc/net/tcp6`,
    others: `for unit in kubelet k3s k3s-agent rke2-server rke2-agent k0scontroller k0sworker snap.microk8s.daemon-kubelite docker crio; do systemctl is-active --quiet $unit 2>/dev/null && echo $unit; done; [ -e /etc/kubernetes/kubelet.conf ] && echo kubeadm`,
    firewalls: `for unit in ufw firewalld; do systemctl is-active --quiet $unit 2>/dev/null && echo $unit; done`,
    packages: availability(packages),
    overlay:
      'grep -qw overlay /proc/filesystems && echo yes || { modprobe -n overlay 2>/dev/null && echo yes; }',
    'bridge filter':
      '[ -d /proc/sys/net/bridge ] && echo yes || { modprobe -n br_netfilter 2>/dev/null && echo yes; }',
    capabilities: `awk '/^CapBnd:/ {print $2}' /proc/self/status`,
    agent: `sed -n 's/^ *"nodeName": *"\\([^"]*\\)".*/\\1/p' /var/lib/pilothouse/agent.json 2>/dev/null | while read -r node; do printf '{"nodeName":"%s","cluster":"%s"}\\n' "$node" "$(cat /var/lib/pilothouse/cluster 2>/dev/null)"; done`,
    'clock at the end': 'date +%s%3N',
  };
  const shown = Object.entries(parts).map(([name, script]) => `echo '@@${name}'\n${script}`);
  return `set +e\nexport LC_ALL=C\n${shown.join('\n')}\ntrue`;
}

/**
 * What apt knows or has. Where its lists know too little, they are fetched into a scratch folder:
 * the machine's own stay as they are.
 */
function availability(packages: readonly string[]): string {
  return `if command -v apt-cache >/dev/null; then
installed() { dpkg-query -W -f '\${db:Status-Status} \${Package}\n' ${packages.join(' ')} 2>/dev/null | sed -n 's/^installed //p'; }
candidates() { apt-cache $1 policy ${packages.join(' ')} 2>/dev/null | awk '/^[a-z]/ {name = $1} /Candidate:/ && $2 != "(none)" {sub(":", "", name); print name}'; }
# What is there need not be looked for, which takes apt seconds.
found=$(installed)
[ "$(echo "$found" | wc -l)" -ge ${packages.length} ] || found=$(candidates "")
if [ "$(echo "$found" | wc -l)" -lt ${packages.length} ] || [ -z "$found" ]; then
  scratch=$(mktemp -d)
  mkdir -p $scratch/partial
  apt-get -qq -o Dir::State::lists=$scratch -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o Acquire::Retries=1 update >/dev/null 2>&1
  found=$(candidates "-o Dir::State::lists=$scratch -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=")
  rm -rf $scratch
fi
echo "$found"
fi`;
}
