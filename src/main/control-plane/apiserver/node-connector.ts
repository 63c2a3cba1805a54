import type { Duplex } from 'node:stream';
import type { DialOptions, NodeDialer } from '#main/control-plane/node-dialer.ts';

/**
 * The way to nodes, wherever they are: through an agent's tunnel, directly, or nowhere. Failures are
 * `ApiError`s that say why a node cannot be reached.
 */
export interface NodeConnector extends NodeDialer {
  /** An encrypted connection to the node's kubelet: each side has shown the other who it is. */
  dialKubelet(node: string, options?: DialOptions): Promise<Duplex>;
}
