import type { Node } from '#shared/api/types/core-v1.ts';
import { noLabels, type Labels } from './affinity-terms.ts';
import type { HostPort, PodInfo } from './pod-info.ts';
import {
  addResources,
  allocatableOf,
  cloneResources,
  noResources,
  type Allocatable,
  type Resources,
} from './resources.ts';

export const anyAddress = '0.0.0.0';

/** A node with the sum of what its pods take; kept up to date pod by pod. */
export class NodeInfo {
  readonly name: string;
  /** The node's place in typed arrays; stays the same while the node exists. */
  readonly slot: number;
  /** Absent while only pods of the node are known. */
  node: Node | undefined;
  labels: Labels = noLabels;
  pods: PodInfo[] = [];
  requested: Resources = noResources();
  nonZeroMilliCpu = 0;
  nonZeroMemory = 0;
  allocatable: Allocatable = allocatableOf(undefined);
  /** Address → endpoints in use. */
  ports: Map<string, Set<string>> | undefined;
  /** Grows whenever something on the node changes. */
  generation = 0;

  constructor(name: string, slot: number) {
    this.name = name;
    this.slot = slot;
  }

  setNode(node: Node | undefined): void {
    this.node = node;
    this.labels = node?.metadata.labels ?? noLabels;
    this.allocatable = allocatableOf(node?.status?.allocatable);
  }

  addPod(pod: PodInfo): void {
    this.pods.push(pod);
    this.#count(pod, 1);
    for (const port of pod.hostPorts) this.#takePort(port);
  }

  removePod(uid: string): PodInfo | undefined {
    const index = this.pods.findIndex((pod) => pod.uid === uid);
    const pod = this.pods[index];
    if (!pod) return undefined;
    const last = this.pods.pop();
    if (last && last !== pod) this.pods[index] = last;
    this.#count(pod, -1);
    for (const { ip, endpoint } of pod.hostPorts) this.ports?.get(ip)?.delete(endpoint);
    return pod;
  }

  /** Whether any of these ports is taken already. */
  conflictsWith(wanted: readonly HostPort[]): boolean {
    if (!this.ports) return false;
    return wanted.some((port) => isTaken(this.ports, port));
  }

  /** A copy to try things on; its pods are shared. */
  clone(): NodeInfo {
    const copy = new NodeInfo(this.name, this.slot);
    copy.node = this.node;
    copy.labels = this.labels;
    copy.pods = [...this.pods];
    copy.requested = cloneResources(this.requested);
    copy.nonZeroMilliCpu = this.nonZeroMilliCpu;
    copy.nonZeroMemory = this.nonZeroMemory;
    copy.allocatable = this.allocatable;
    copy.ports = this.ports && new Map([...this.ports].map(([ip, set]) => [ip, new Set(set)]));
    copy.generation = this.generation;
    return copy;
  }

  #count(pod: PodInfo, sign: 1 | -1): void {
    addResources(this.requested, pod.requests, sign);
    this.nonZeroMilliCpu += sign * pod.nonZeroMilliCpu;
    this.nonZeroMemory += sign * pod.nonZeroMemory;
    this.generation++;
  }

  #takePort({ ip, endpoint }: HostPort): void {
    this.ports ??= new Map();
    const taken = this.ports.get(ip);
    if (taken) taken.add(endpoint);
    else this.ports.set(ip, new Set([endpoint]));
  }
}

/** The wildcard address collides with every other one. */
export function isTaken(
  ports: ReadonlyMap<string, ReadonlySet<string>> | undefined,
  { ip, endpoint }: HostPort,
): boolean {
  if (!ports) return false;
  if (ip === anyAddress) {
    for (const taken of ports.values()) if (taken.has(endpoint)) return true;
    return false;
  }
  return Boolean(ports.get(anyAddress)?.has(endpoint)) || Boolean(ports.get(ip)?.has(endpoint));
}
