import { expect, test } from 'vitest';
import { check, type CheckedNode } from '#main/provision/checks/index.ts';
import { overlap } from '#main/provision/checks/ranges.ts';
import type { Facts } from '#main/provision/facts.ts';

const node: CheckedNode = {
  nodeName: 'attic',
  cluster: 'id-1',
  podRange: '10.244.0.0/16',
  serviceRange: '10.96.0.0/16',
  packages: ['containerd'],
};

const good: Facts = {
  system: { id: 'debian', name: 'Debian GNU/Linux 12', hasApt: true },
  machine: 'x86_64',
  userlandBits: 64,
  kernel: '6.1.0-18-amd64',
  hasSystemd: true,
  cgroups: { version: 2, controllers: ['cpuset', 'cpu', 'io', 'memory', 'pids'] },
  memoryKiB: 4_000_000,
  hasSwap: false,
  disks: [{ path: '/var/lib', freeKiB: 9_000_000 }],
  isRootWritable: true,
  clockAheadMs: -1200,
  hostname: 'attic',
  address: '192.168.1.20',
  addresses: ['192.168.1.20'],
  ranges: [{ cidr: '192.168.1.0/24', device: 'eth0' }],
  isKubeletPortTaken: false,
  others: [],
  firewalls: [],
  availablePackages: ['containerd'],
  hasOverlay: true,
  hasBridgeFilter: true,
  mayRaiseLimits: true,
  agent: undefined,
};

test('a good machine passes', () => {
  expect(check(good, node)).toEqual([]);
});

const agent = { nodeName: 'attic', cluster: 'id-1' };

test.each<[string, Partial<Facts>, string[]]>([
  ['a processor that nothing is built for', { machine: 'riscv64' }, ['Architecture']],
  ['a 32-bit userland on a 64-bit kernel', { userlandBits: 32 }, ['Architecture']],
  ['no systemd', { hasSystemd: false }, ['Systemd']],
  ['an old kernel', { kernel: '4.9.0-8' }, ['Kernel']],
  ['a kernel that is new enough', { kernel: '4.19.0-8' }, []],
  [
    'no memory controller',
    { cgroups: { version: 2, controllers: ['cpu', 'cpuset', 'pids'] } },
    ['ControlGroups'],
  ],
  ['no overlay', { hasOverlay: false }, ['Modules']],
  ['little memory', { memoryKiB: 200_000 }, ['Memory']],
  ['a full disk', { disks: [{ path: '/opt', freeKiB: 1000 }] }, ['DiskSpace']],
  ['less to spare once it is a node', { disks: [{ path: '/opt', freeKiB: 500_000 }], agent }, []],
  ['a read-only system', { isRootWritable: false }, ['WritableSystem']],
  ['a clock ahead', { clockAheadMs: 600_000 }, ['ClockSkew']],
  ['a clock behind', { clockAheadMs: -31_000 }, ['ClockSkew']],
  ['a taken port', { isKubeletPortTaken: true }, ['Port10250']],
  ['our own kubelet on the port', { isKubeletPortTaken: true, agent }, []],
  [
    'a network within the pods’',
    { ranges: [{ cidr: '10.244.7.0/24', device: 'eth1' }] },
    ['AddressRanges'],
  ],
  ['k3s', { others: ['k3s-agent'] }, ['OtherKubernetes']],
  ['docker', { others: ['docker'] }, ['Docker']],
  ['a node of another cluster', { agent: { ...agent, cluster: 'id-2' } }, ['OtherCluster']],
  ['the same node once more', { agent }, []],
  ['no package', { availablePackages: [] }, ['Packages']],
  ['another package manager', { system: { ...good.system, hasApt: false } }, ['Packages']],
  ['several things at once', { machine: 'i686', hasSwap: true }, ['Architecture', 'Swap']],
])('%s', (_what, difference, expected) => {
  const findings = check({ ...good, ...difference }, node);
  expect(findings.map((finding) => finding.check)).toEqual(expected);
});

test.each([
  ['10.0.0.0/8', '10.244.0.0/16', true],
  ['10.244.3.7', '10.244.0.0/16', true],
  ['10.243.255.255/16', '10.244.0.0/16', false],
  ['192.168.0.0/17', '192.168.128.0/17', false],
  ['0.0.0.0/0', '10.96.0.0/16', true],
  ['fe80::/64', '10.96.0.0/16', false],
])('%s and %s overlap: %s', (left, right, expected) => {
  expect(overlap(left, right)).toBe(expected);
});
