import type { Duplex } from 'node:stream';

export interface NodeRequest {
  readonly method: string;
  /** On the kubelet's own API, with the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly signal?: AbortSignal;
}

export interface NodeResponse {
  readonly code: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array>;
}

/** A client's connection that is to become something else: a terminal, a forwarded port. */
export interface NodeUpgrade extends NodeRequest {
  readonly socket: Duplex;
  /** What the client sent already. */
  readonly head: Uint8Array;
}

/**
 * The way to the kubelets, wherever they are: through an agent's tunnel, directly, or to a simulated
 * one. Failures are `ApiError`s that say why a node cannot be reached.
 */
export interface NodeConnector {
  /** Asks the node's kubelet. */
  request(node: string, request: NodeRequest): Promise<NodeResponse>;
  /** Hands the client's connection over: from then on the connector answers on it, and ends it. */
  upgrade(node: string, upgrade: NodeUpgrade): Promise<void>;
}
