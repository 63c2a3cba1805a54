/** Numbers of the CRI's enumerations. */
export const sandboxStates = { ready: 0, notReady: 1 } as const;
export const containerStates = { created: 0, running: 1, exited: 2, unknown: 3 } as const;
export const namespaceModes = { pod: 0, container: 1, node: 2, target: 3 } as const;
export const securityProfiles = { runtimeDefault: 0, unconfined: 1, localhost: 2 } as const;
export const mountPropagations = { None: 0, HostToContainer: 1, Bidirectional: 2 } as const;
export const protocols = { TCP: 0, UDP: 1, SCTP: 2 } as const;
export const groupsPolicies = { Merge: 0, Strict: 1 } as const;
