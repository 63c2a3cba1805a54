import { nodes } from '#shared/api/core/node.ts';
import type { Node } from '#shared/api/types/core-v1.ts';
import { controller, type Controller } from '#shared/kube/controller.ts';

export interface PodRangeOptions {
  /** Such as `10.244.0.0/16`. */
  readonly podCidr: string;
  /** The length of each node's prefix, such as 24. */
  readonly nodeMask: number;
}

/** Gives every node a range of pod addresses of its own. */
export function createNodeIpamController(options: PodRangeOptions): Controller<Node> {
  const ranges = new PodRanges(options);
  let hasLooked = false;
  return controller<Node>({
    name: 'node-controller',
    eventSource: 'cidrAllocator',
    watches: nodes,
    async reconcile(node, { cache, cluster, events }) {
      // Ranges that nodes have already must be known before the first is given out.
      if (!hasLooked)
        for (const { metadata, spec } of cache.list(nodes))
          ranges.occupy(metadata.name, spec.podCIDR);
      hasLooked = true;
      const { name } = node.metadata;
      if (node.spec.podCIDR) return ranges.occupy(name, node.spec.podCIDR);
      if (node.metadata.deletionTimestamp) return undefined;
      const podCIDR = ranges.allocate(name);
      if (podCIDR === undefined) {
        events.record(
          node,
          'Normal',
          'CIDRNotAvailable',
          `Node ${name} status is now: CIDRNotAvailable`,
        );
        throw new Error(
          'CIDR allocation failed; there are no remaining CIDRs left to allocate in the accepted range',
        );
      }
      const body = { spec: { podCIDR, podCIDRs: [podCIDR] } };
      await cluster.patch(nodes, { name }, { type: 'merge', body });
      return undefined;
    },
    async gone({ key }) {
      ranges.release(key);
    },
  });
}

/** Ranges taken next-fit: one that is freed is not given out again at once. */
export class PodRanges {
  readonly #base: number;
  readonly #count: number;
  readonly #mask: number;
  readonly #taken = new Map<number, string>();
  readonly #byNode = new Map<string, number>();
  #next = 0;

  constructor({ podCidr, nodeMask }: PodRangeOptions) {
    const [address = '', prefix = ''] = podCidr.split('/');
    this.#base = toNumber(address);
    this.#mask = nodeMask;
    this.#count = 2 ** (nodeMask - Number(prefix));
  }

  occupy(node: string, cidr: string | undefined): void {
    if (!cidr) return;
    const size = 2 ** (32 - this.#mask);
    const at = Math.floor((toNumber(cidr.split('/')[0]!) - this.#base) / size);
    if (at < 0 || at >= this.#count || this.#byNode.get(node) === at) return;
    this.#taken.set(at, node);
    this.#byNode.set(node, at);
  }

  /** The node's own range if it has one already. */
  allocate(node: string): string | undefined {
    const known = this.#byNode.get(node);
    if (known !== undefined) return this.#format(known);
    for (let step = 0; step < this.#count; step++) {
      const at = (this.#next + step) % this.#count;
      if (this.#taken.has(at)) continue;
      this.#next = (at + 1) % this.#count;
      this.#taken.set(at, node);
      this.#byNode.set(node, at);
      return this.#format(at);
    }
    return undefined;
  }

  release(node: string): void {
    const at = this.#byNode.get(node);
    if (at === undefined) return;
    this.#byNode.delete(node);
    if (this.#taken.get(at) === node) this.#taken.delete(at);
  }

  #format(at: number): string {
    const address = this.#base + at * 2 ** (32 - this.#mask);
    const bytes = [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256);
    return `${bytes.join('.')}/${this.#mask}`;
  }
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}
