import { connectContainerRuntime } from '#agent/container-runtime/index.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import type { Host } from './host.ts';

const uidPattern = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/;
const addressPattern = /\b10\.244\.\d+\.\d+\b(?!\/)/g;
const uidLabel = 'io.kubernetes.pod.uid';

/**
 * All that is on the host for pods that are not, one line each: in containerd as the CRI tells, in
 * CNI's books, in the network, in cgroups, mounts, folders and rules. `pods` are all of the cluster's.
 * A containerd that is killed while it makes a container may keep parts of it that no client of the
 * CRI hears of, until its own leases end.
 */
export async function orphansOn(host: Host, pods: readonly Pod[]): Promise<readonly string[]> {
  const own = pods.filter(({ spec }) => spec.nodeName === host.name);
  const uids = new Set(own.map(({ metadata }) => metadata.uid));
  const addresses = new Set(pods.map(({ status }) => status.podIP));
  const { sandboxes, containers } = await inRuntime(host);
  const alive = sandboxes.filter(({ isReady }) => isReady);
  const [files, links, rules] = await Promise.all([
    onDisk(host),
    lines(host, "ip -o link show type veth | grep -v ' eth0' | awk '{print $2}'"),
    lines(host, 'nft list ruleset'),
  ]);
  const strange = (what: string, found: readonly string[], known: ReadonlySet<unknown>) =>
    found.filter((one) => !known.has(one)).map((one) => `${what} ${one}`);
  const uidsIn = (found: readonly string[]): string[] => [
    ...new Set(found.flatMap((line) => uidPattern.exec(line.replaceAll('_', '-'))?.[0] ?? [])),
  ];
  return [
    ...strange(
      'sandbox of pod',
      sandboxes.map(({ uid }) => uid),
      uids,
    ),
    ...strange(
      'container of pod',
      containers.map(({ uid }) => uid),
      uids,
    ),
    ...strange('address in use', files.leases, addresses),
    ...strange('address in a rule', rules.join('\n').match(addressPattern) ?? [], addresses),
    ...strange('mount of pod', uidsIn(files.mounts), uids),
    ...strange('cgroup of pod', uidsIn(files.groups), uids),
    ...strange('folder of pod', uidsIn(files.folders), uids),
    ...strange('log of pod', uidsIn(files.logs), uids),
    ...tooMany('link', links, alive.length),
    ...tooMany('network namespace', files.namespaces, alive.length),
  ];
}

function tooMany(what: string, found: readonly string[], most: number): string[] {
  return found.length > most ? [`${what}s ${found.join(' ')} for ${most} sandboxes`] : [];
}

async function inRuntime(host: Host) {
  using runtime = connectContainerRuntime(
    `unix://${host.path('/run/containerd/containerd.sock')}`,
    {
      clock: systemClock,
    },
  );
  const { items } = await runtime.listPodSandbox({});
  const { containers } = await runtime.listContainers({});
  return {
    sandboxes: items.map(({ id, labels, state }) => ({
      id,
      uid: labels[uidLabel] ?? '',
      isReady: state === 0,
    })),
    containers: containers.map(({ id, labels }) => ({ id, uid: labels[uidLabel] ?? '' })),
  };
}

async function onDisk(host: Host) {
  const commands = {
    leases: "find /run/pilothouse/cni-leases -name '10.*' -printf '%f\\n'",
    mounts: "awk '{print $5}' /proc/self/mountinfo | grep /var/lib/kubelet/pods",
    groups: "find /sys/fs/cgroup -type d -name '*pod*'",
    folders: 'ls /var/lib/kubelet/pods',
    logs: 'ls /var/log/pods',
    namespaces: "find /run/netns -name 'cni-*' -printf '%f\\n'",
  };
  const entries = await Promise.all(
    Object.entries(commands).map(async ([name, command]) => [name, await lines(host, command)]),
  );
  return Object.fromEntries(entries) as Record<keyof typeof commands, readonly string[]>;
}

/** What is not there prints nothing. */
async function lines(host: Host, command: string): Promise<readonly string[]> {
  return (await host.run(`${command} || true`)).split('\n').filter(Boolean);
}
