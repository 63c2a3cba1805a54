import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentSettings } from '#agent/settings.ts';
import type { Node } from '#shared/api/types/core-v1.ts';
import type { HttpAnswer, Outcome, Question } from './inside.ts';
import { Namespace, sh } from './namespace.ts';

export type HostName = 'h1' | 'h2';

export interface Host {
  readonly name: HostName;
  readonly address: string;
  readonly podRange: string;
  readonly gateway: string;
  readonly settings: AgentSettings;
  readonly node: Node;
}

/** The address of who is neither host nor pod: the router that both hosts hang on. */
export const outsideAddress = '10.83.0.1';

const hostOf = (name: HostName): Host => {
  const place = Number(name.slice(1));
  const address = `10.83.0.${10 + place}`;
  const podRange = `10.244.${place}.0/24`;
  return {
    name,
    address,
    podRange,
    gateway: `10.244.${place}.1`,
    settings: {
      nodeName: name,
      nodeAddresses: [address],
      clusterDomain: 'cluster.local',
      clusterDns: '10.96.0.10',
      serviceRange: '10.96.0.0/16',
      podRange: '10.244.0.0/16',
      server: { host: outsideAddress, port: 6443 },
      folders: { state: join(tmpdir(), `pilothouse-lab-${process.pid}-${name}`) },
    } as AgentSettings,
    node: {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels: { 'kubernetes.io/hostname': name } },
      spec: { podCIDR: podRange, podCIDRs: [podRange] },
      status: { addresses: [{ type: 'InternalIP', address }] },
    } as unknown as Node,
  };
};

export const hosts = { h1: hostOf('h1'), h2: hostOf('h2') };

/**
 * Two hosts on one bridge, pods with networks of their own behind them, and a router outside; real
 * packets between namespaces. Needs root.
 */
export class Lab implements AsyncDisposable {
  readonly #namespaces = new Map<string, Namespace>();
  readonly #addresses = new Map<string, string>();
  readonly #stack = new AsyncDisposableStack();

  /** Pods by name, on the host named. */
  constructor(pods: Readonly<Record<string, HostName>>) {
    const outside = this.#add('out');
    outside.run(`ip link add lan type bridge
      ip addr add ${outsideAddress}/24 dev lan
      ip link set lan up
      ip route add 203.0.113.0/28 via ${hosts.h1.address}
      ip route add 203.0.113.16/28 via ${hosts.h2.address}`);
    for (const host of Object.values(hosts)) {
      outside.run(`ip route add ${host.podRange} via ${host.address}`);
      this.#addHost(host, outside);
    }
    for (const [pod, host] of Object.entries(pods)) this.#addPod(pod, hosts[host]);
  }

  namespace(name: string): Namespace {
    const found = this.#namespaces.get(name);
    if (!found) throw new Error(`The lab has no ${name}`);
    return found;
  }

  /** Of a pod or host. */
  address(name: string): string {
    return this.#addresses.get(name)!;
  }

  connect(
    from: string,
    to: Pick<Extract<Question, { do: 'connect' }>, 'ip' | 'port'> & {
      protocol?: 'tcp' | 'udp';
      timeoutMs: number;
      from?: number;
    },
  ): Promise<Outcome> {
    return this.namespace(from).ask({ do: 'connect', protocol: 'tcp', ...to });
  }

  get(from: string, url: string): Promise<HttpAnswer> {
    return this.namespace(from).ask({ do: 'get', url });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }

  #add(name: string): Namespace {
    const namespace = this.#stack.use(new Namespace(`pilothouse-${process.pid}-${name}`));
    this.#namespaces.set(name, namespace);
    return namespace;
  }

  #addHost({ name, address, gateway, settings }: Host, outside: Namespace): void {
    const host = this.#add(name);
    this.#stack.defer(() => rmSync(settings.folders.state, { recursive: true, force: true }));
    this.#addresses.set(name, address);
    const other = name === 'h1' ? hosts.h2 : hosts.h1;
    sh(`ip -n ${outside.name} link add ${name} type veth peer name eth0 netns ${host.name}
      ip -n ${outside.name} link set ${name} master lan up`);
    host.run(`ip link set eth0 up
      ip addr add ${address}/24 dev eth0
      ip route add default via ${outsideAddress}
      ip route add ${other.podRange} via ${other.address}
      ip addr add ${gateway}/32 dev lo`);
  }

  /** As the CNI plugin ptp wires it: a veth whose other end is the way to everywhere. */
  #addPod(name: string, host: Host): void {
    const pod = this.#add(name);
    const place = [...this.#namespaces.keys()].length;
    const address = host.gateway.replace(/\d+$/, String(10 + place));
    this.#addresses.set(name, address);
    sh(
      `ip -n ${pod.name} link add eth0 type veth peer name veth-${name} netns ${this.namespace(host.name).name}`,
    );
    pod.run(`ip link set eth0 up
      ip addr add ${address}/32 dev eth0
      ip route add ${host.gateway} dev eth0
      ip route add default via ${host.gateway}`);
    this.namespace(host.name).run(`ip link set veth-${name} up
      ip addr add ${host.gateway}/32 dev veth-${name}
      ip route add ${address}/32 dev veth-${name}`);
  }
}
