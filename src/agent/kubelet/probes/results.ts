export type ProbeKind = 'liveness' | 'readiness' | 'startup';
export type ProbeResult = 'success' | 'failure' | 'unknown';

/** What probes last found, by the CRI's id of the container. */
export interface ProbeResults {
  of(kind: ProbeKind, containerId: string): ProbeResult | undefined;
}
