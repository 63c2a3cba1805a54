import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { abandoned, claim, runs } from './place.ts';
import { rm } from 'node:fs/promises';
import { shell, tryShell } from './shell.ts';

/** A network of its own for one set of hosts. Outside, nothing but one link with its first address shows. */
export interface Fabric extends AsyncDisposable {
  /** Such as `10.77.0`. */
  readonly prefix: string;
  /** For files of this run; gone in the end. */
  readonly folder: string;
  /** This machine's address in there. */
  readonly gateway: string;
  /** Begins the names of all that is made for it: links, namespaces, cgroups. */
  readonly name: string;
  readonly namespace: string;
}

const networks = 90;

/** Takes the first network that nobody on this machine uses; `prefix` asks for a certain one. */
export async function createFabric(prefix?: string): Promise<Fabric> {
  for (const name of await abandoned()) {
    await removeRemains(name);
    await rm(join(runs, name), { recursive: true, force: true });
  }
  const wanted = prefix ? [prefix] : Array.from({ length: networks }, (_, i) => `10.77.${i}`);
  for (const candidate of wanted) {
    const name = `ph${candidate.split('.').slice(1).join('-')}`;
    const folder = join(runs, name);
    if (isInUse(candidate) || !(await claim(folder, () => removeRemains(name)))) continue;
    return open(candidate, name, folder);
  }
  throw new Error(`No free network for test hosts: ${wanted.join(', ')} are in use`);
}

async function open(prefix: string, name: string, folder: string): Promise<Fabric> {
  const namespace = `${name}-fabric`;
  const gateway = `${prefix}.1`;
  await removeRemains(name);
  await shell(`ip netns add ${namespace}
ip link add ${name} type veth peer name up0 netns ${namespace}
ip addr add ${gateway}/24 dev ${name}
ip link set ${name} up
ip -n ${namespace} link set lo up
ip -n ${namespace} link add br0 type bridge
ip -n ${namespace} link set br0 up
ip -n ${namespace} link set up0 master br0 up`);
  return {
    prefix,
    name,
    folder,
    gateway,
    namespace,
    async [Symbol.asyncDispose]() {
      await removeRemains(name);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Everything that carries the name; also what a killed run has left. */
async function removeRemains(name: string): Promise<void> {
  await tryShell(`ip link del ${name}
for namespace in $(ip netns list | cut -d' ' -f1 | grep '^${name}-'); do ip netns del $namespace; done
for group in /sys/fs/cgroup/${name}-h* /sys/fs/cgroup/*/${name}-h*; do
  [ -d "$group" ] && find "$group" -depth -type d -exec rmdir {} +
done`);
}

function isInUse(prefix: string): boolean {
  const addresses = Object.values(networkInterfaces()).flatMap((own) => own ?? []);
  return addresses.some(({ address }) => address.startsWith(`${prefix}.`));
}
