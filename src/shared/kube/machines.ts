/** What is known of a machine that is, or was, a node of the cluster. */
export interface Machine {
  /** As the Node's name. */
  readonly name: string;
  /** Unique among all that ever were: `spec.providerID` is made of it. */
  readonly id: string;
  readonly addresses: readonly MachineAddress[];
  /** Such as `arm64-raspberry-pi`, for the label `node.kubernetes.io/instance-type`. */
  readonly type?: string;
  readonly zone?: string;
  readonly region?: string;
  readonly state: 'running' | 'stopped';
  /**
   * Since when, by the elapsed time of the cluster's clock, the machine can reach the API and the
   * API the machine; absent while it cannot.
   */
  readonly connectedSince?: number;
}

export interface MachineAddress {
  readonly type: 'InternalIP' | 'ExternalIP' | 'Hostname' | 'InternalDNS' | 'ExternalDNS';
  readonly address: string;
}

/** The machines of a cluster, as provisioning keeps account of them. */
export interface Machines {
  /** Absent once it was removed from the cluster. */
  find(name: string): Machine | undefined;
  /** Calls `listener` with the name whenever what `find` says of it has changed. */
  subscribe(listener: (name: string) => void): Disposable;
}
