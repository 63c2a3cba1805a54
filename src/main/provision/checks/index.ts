import { overlap } from '#main/provision/checks/ranges.ts';
import type { Facts } from '#main/provision/facts.ts';

/** What the node is to be, as far as checks need it. */
export interface CheckedNode {
  readonly nodeName: string;
  readonly cluster: string;
  readonly podRange: string;
  readonly serviceRange: string;
  readonly packages: readonly string[];
}

export interface Finding {
  readonly check: string;
  readonly severity: 'error' | 'warning';
  /** What is wrong, and what to do about it. */
  readonly message: string;
}

/** One thing that has to be right; by its name it can be told to be left out. */
interface Check {
  readonly name: string;
  readonly severity: Finding['severity'];
  /** What is wrong and the remedy, or nothing. */
  problem(facts: Facts, node: CheckedNode): string | undefined;
}

const mebibyte = 1024;
const gibibyte = 1024 * mebibyte;
const maxSkewMs = 30_000;
const kubernetesNames = /^(kube|k3s|rke2|k0s|snap\.microk8s)/;

const checks: readonly Check[] = [
  {
    name: 'Architecture',
    severity: 'error',
    problem: ({ machine, userlandBits }) => {
      if (!['x86_64', 'aarch64'].includes(machine))
        return `its processor is ${machine}; use a machine with x86_64 or aarch64`;
      if (userlandBits !== 64)
        return 'its kernel has 64 bits but its programs have 32; install the 64-bit system on it';
      return undefined;
    },
  },
  {
    name: 'Systemd',
    severity: 'error',
    problem: ({ hasSystemd }) =>
      hasSystemd ? undefined : 'it does not run systemd; use a system that does, such as Debian',
  },
  {
    name: 'Kernel',
    severity: 'error',
    problem: ({ kernel }) => {
      const [major = 0, minor = 0] = kernel.split('.').map(Number);
      return major > 4 || (major === 4 && minor >= 19)
        ? undefined
        : `its kernel ${kernel} is too old; upgrade the system to one with Linux 4.19 or later`;
    },
  },
  {
    name: 'ControlGroups',
    severity: 'error',
    problem: ({ cgroups: { version, controllers } }) => {
      const wanted = ['cpu', 'cpuset', 'memory', 'pids', ...(version === 1 ? ['devices'] : [])];
      const missing = wanted.filter((name) => !controllers.includes(name));
      if (missing.length === 0) return undefined;
      const how = missing.includes('memory')
        ? 'add "cgroup_enable=memory" to the kernel command line (on a Raspberry Pi: the one line of /boot/firmware/cmdline.txt) and reboot'
        : 'use a kernel that has them';
      return `its kernel lacks the cgroup controllers ${missing.join(', ')}; ${how}`;
    },
  },
  {
    name: 'Modules',
    severity: 'error',
    problem: ({ hasOverlay, hasBridgeFilter }) => {
      const missing = [
        ...(hasOverlay ? [] : ['overlay']),
        ...(hasBridgeFilter ? [] : ['br_netfilter']),
      ];
      if (missing.length === 0) return undefined;
      return `its kernel has no ${missing.join(' and no ')}; install the kernel's modules package and reboot`;
    },
  },
  {
    name: 'Memory',
    severity: 'error',
    problem: ({ memoryKiB }) =>
      memoryKiB >= 400 * mebibyte
        ? undefined
        : `it has ${Math.round(memoryKiB / mebibyte)} MiB of memory; a node needs 400 MiB at least`,
  },
  {
    name: 'DiskSpace',
    severity: 'error',
    problem: ({ disks, agent }) => {
      const needed = agent ? gibibyte / 4 : gibibyte;
      const full = disks.find(({ freeKiB }) => freeKiB < needed);
      return full
        ? `${full.path} has ${Math.round(full.freeKiB / mebibyte)} MiB free and needs ${needed / mebibyte} MiB; remove files or use a larger disk`
        : undefined;
    },
  },
  {
    name: 'WritableSystem',
    severity: 'error',
    problem: ({ isRootWritable }) =>
      isRootWritable
        ? undefined
        : 'its /etc or /usr is read-only; remount it, or use another system',
  },
  {
    name: 'ClockSkew',
    severity: 'error',
    problem: ({ clockAheadMs }) => {
      if (Math.abs(clockAheadMs) <= maxSkewMs) return undefined;
      const seconds = Math.round(Math.abs(clockAheadMs) / 1000);
      const way = clockAheadMs > 0 ? 'ahead of' : 'behind';
      return `its clock is ${seconds} s ${way} this machine's, and certificates would not hold; run "timedatectl set-ntp true" on the one that is wrong`;
    },
  },
  {
    name: 'Port10250',
    severity: 'error',
    problem: ({ isKubeletPortTaken, agent }) =>
      isKubeletPortTaken && !agent
        ? 'another program listens on port 10250, which the kubelet needs; "ss -ltnp sport = :10250" tells which: stop it'
        : undefined,
  },
  {
    name: 'AddressRanges',
    severity: 'error',
    problem: ({ ranges }, { podRange, serviceRange }) => {
      for (const { cidr, device } of ranges) {
        const own = [podRange, serviceRange].find((range) => overlap(range, cidr));
        if (own)
          return `its network ${cidr} (${device}) lies within the cluster's range ${own}; make a cluster with other ranges: stop it, set podRange and serviceRange in its cluster.yaml before the first start`;
      }
      return undefined;
    },
  },
  {
    name: 'OtherKubernetes',
    severity: 'error',
    problem: ({ others }) => {
      const found = others.filter((name) => kubernetesNames.test(name));
      return found.length > 0
        ? `another Kubernetes is on it (${found.join(', ')}); uninstall that first`
        : undefined;
    },
  },
  {
    name: 'OtherCluster',
    severity: 'error',
    problem: ({ agent }, { nodeName, cluster }) => {
      if (!agent || (agent.cluster === cluster && agent.nodeName === nodeName)) return undefined;
      return `it is node ${agent.nodeName} of another cluster; remove it there first, with "pilothouse node remove ${agent.nodeName}"`;
    },
  },
  {
    name: 'Packages',
    severity: 'error',
    problem: ({ system, availablePackages }, { packages }) => {
      if (!system.hasApt)
        return `${system.name} has no apt, the only package manager that is understood so far; use Debian, Ubuntu or Raspberry Pi OS`;
      const missing = packages.filter((name) => !availablePackages.includes(name));
      return missing.length > 0
        ? `apt knows no package ${missing.join(', ')}; check /etc/apt/sources.list and that the machine reaches its package servers`
        : undefined;
    },
  },
  {
    name: 'NodeName',
    severity: 'error',
    problem: (_facts, { nodeName }) =>
      /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(nodeName)
        ? undefined
        : `"${nodeName}" cannot be a node's name; give another with --node-name`,
  },
  {
    name: 'Swap',
    severity: 'warning',
    problem: ({ hasSwap }) =>
      hasSwap ? 'it swaps, so that memory limits mean less; "swapoff -a" ends that' : undefined,
  },
  {
    name: 'Docker',
    severity: 'warning',
    problem: ({ others }) =>
      others.includes('docker')
        ? 'Docker runs on it; its containers stay, but its firewall rules may stop traffic between pods'
        : undefined,
  },
  {
    name: 'Firewall',
    severity: 'warning',
    problem: ({ firewalls }, { podRange, serviceRange }) =>
      firewalls.length > 0
        ? `${firewalls.join(' and ')} is on; let it pass traffic from and to ${podRange} and ${serviceRange}`
        : undefined,
  },
];

/** Every check, also after one that failed. */
export function check(facts: Facts, node: CheckedNode): readonly Finding[] {
  return checks.flatMap(({ name, severity, problem }) => {
    const message = problem(facts, node);
    return message === undefined ? [] : [{ check: name, severity, message }];
  });
}
