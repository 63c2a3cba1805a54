import type { Job, PodFailurePolicy, SuccessPolicy } from '#shared/api/types/batch-v1.ts';
import type { ContainerStatus, Pod } from '#shared/api/types/core-v1.ts';
import { countCommon, countIndexes, parseIntervals, type Intervals } from './intervals.ts';

export interface FailureVerdict {
  /** Set when the whole Job fails because of this pod. */
  readonly failJob?: string;
  readonly isCounted: boolean;
  readonly action?: string;
}

type Rule = PodFailurePolicy['rules'][number];

/** What the Job's pod failure policy says about a failed pod; the first rule that matches decides. */
export function judgeFailure({ spec }: Job, pod: Pod): FailureVerdict {
  for (const [at, rule] of (spec.podFailurePolicy?.rules ?? []).entries()) {
    const cause = causeOf(rule, pod);
    if (cause === undefined) continue;
    const { action } = rule;
    if (action === 'Ignore') return { isCounted: false, action };
    if (action === 'FailIndex' || action === 'Count') return { isCounted: true, action };
    if (action === 'FailJob') {
      const failJob = `${cause} matching ${action} rule at index ${at}`;
      return { isCounted: true, action, failJob };
    }
  }
  return { isCounted: true };
}

function causeOf(
  { onExitCodes, onPodConditions }: Rule,
  { metadata, status }: Pod,
): string | undefined {
  const pod = `${metadata.namespace}/${metadata.name}`;
  if (onExitCodes) {
    const statuses = [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])];
    const found = statuses.find((one) => matchesExit(one, onExitCodes));
    if (!found) return undefined;
    return `Container ${found.name} for pod ${pod} failed with exit code ${found.state?.terminated?.exitCode}`;
  }
  for (const condition of status.conditions ?? [])
    for (const pattern of onPodConditions ?? [])
      if (condition.type === pattern.type && condition.status === pattern.status)
        return `Pod ${pod} has condition ${condition.type}`;
  return undefined;
}

function matchesExit(
  { name, state }: ContainerStatus,
  { containerName, operator, values }: NonNullable<Rule['onExitCodes']>,
): boolean {
  const code = state?.terminated?.exitCode;
  if (code === undefined || code === 0) return false;
  if (containerName !== undefined && containerName !== name) return false;
  if (operator === 'In') return values.includes(code);
  return operator === 'NotIn' && !values.includes(code);
}

/** The sentence for the first rule of the success policy that is met. */
export function metSuccessRule(
  policy: SuccessPolicy | undefined,
  succeeded: Intervals,
  completions: number,
): string | undefined {
  if (!policy || succeeded.length === 0) return undefined;
  const at = policy.rules.findIndex(({ succeededIndexes, succeededCount }) => {
    if (succeededIndexes === undefined)
      return succeededCount !== undefined && countIndexes(succeeded) >= succeededCount;
    const wanted = parseIntervals(succeededIndexes, completions);
    if (wanted.length === 0) return false;
    const common = countCommon(wanted, succeeded);
    return (
      common === countIndexes(wanted) || (succeededCount !== undefined && common >= succeededCount)
    );
  });
  return at < 0 ? undefined : `Matched rules at index ${at}`;
}
