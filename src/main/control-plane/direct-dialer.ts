import type { ObjectCache } from '#main/control-plane/apiserver/object-cache.ts';
import { dialTcp } from '#main/control-plane/apiserver/tcp.ts';
import type { NodeDialer } from '#main/control-plane/node-dialer.ts';
import type { Clock } from '#shared/base/clock.ts';
import { nodes } from '#shared/api/core/node.ts';
import { ApiError } from '#shared/kube/errors.ts';

export interface DirectDialerOptions {
  readonly objects: () => ObjectCache | undefined;
  readonly clock: Clock;
}

/** Dials nodes and pods from this machine, for clusters whose network reaches here. */
export function createDirectDialer({ objects, clock }: DirectDialerOptions): NodeDialer {
  return {
    async dial(node, { host, port }, options) {
      if (!isLoopback(host)) return dialTcp({ host, port }, { clock, ...options });
      const address = addressOf(objects(), node);
      if (address !== undefined) return dialTcp({ host: address, port }, { clock, ...options });
      throw new ApiError(
        'ServiceUnavailable',
        `Cannot reach node ${node}: it has no InternalIP and no tunnel; see whether its agent is running`,
      );
    },
  };
}

function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1' || host === 'localhost';
}

function addressOf(objects: ObjectCache | undefined, name: string): string | undefined {
  const addresses = objects?.get(nodes, { name })?.status?.addresses ?? [];
  return addresses.find(({ type }) => type === 'InternalIP')?.address;
}
