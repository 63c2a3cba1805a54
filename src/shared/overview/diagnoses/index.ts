import { claimUnbound } from './claim-unbound.ts';
import { deploymentShort } from './deployment-short.ts';
import type { Diagnosis, Facts, Finding, Fix } from './diagnosis.ts';
import { jobFailed } from './job-failed.ts';
import { nodeNotReady } from './node-not-ready.ts';
import { podCrashLooping } from './pod-crash-looping.ts';
import { podUnschedulable } from './pod-unschedulable.ts';

const diagnoses: readonly Diagnosis[] = [
  nodeNotReady,
  deploymentShort,
  podCrashLooping,
  podUnschedulable,
  claimUnbound,
  jobFailed,
];

export interface Problem extends Finding {
  readonly fixes: readonly Fix[];
}

/** Everything that is wrong, the most costly first. */
export function problemsIn(facts: Facts): readonly Problem[] {
  return diagnoses
    .filter((diagnosis) => diagnosis.applicable(facts))
    .flatMap((diagnosis) =>
      diagnosis.check(facts).map((finding) => ({ ...finding, fixes: diagnosis.fixes(finding) })),
    )
    .toSorted((a, b) => b.cost - a.cost || a.id.localeCompare(b.id));
}
