import type { Duplex } from 'node:stream';

export interface DialOptions {
  /** Gives up waiting for the connection; one that is made stays. */
  readonly signal?: AbortSignal | undefined;
}

export interface DialTarget {
  readonly host: string;
  readonly port: number;
}

/** The way to what runs on nodes: through an agent's tunnel, or directly. */
export interface NodeDialer {
  /**
   * A byte stream to an address as the node sees it: `127.0.0.1:10250` is its kubelet, a pod has its
   * own address. Throws `ServiceUnavailable` saying why there is none.
   */
  dial(node: string, target: DialTarget, options?: DialOptions): Promise<Duplex>;
}
