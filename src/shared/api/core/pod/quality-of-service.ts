import type { PodSpec, ResourceRequirements } from '#shared/api/types/core-v1.ts';
import { addQuantities, mustParse, type Quantity } from '#shared/kube/quantity.ts';

type Amounts = Map<string, Quantity>;

/** Guaranteed, Burstable or BestEffort, as upstream's ComputePodQOS. */
export function qualityOfService(spec: PodSpec): string {
  const requests: Amounts = new Map();
  const limits: Amounts = new Map();
  let isGuaranteed = true;
  for (const resources of counted(spec)) {
    add(requests, resources?.requests);
    const limited = add(limits, resources?.limits);
    // A pod's own resources need limits only where there are any.
    if (limited < 2 && (!spec.resources || hasAny(resources?.limits))) isGuaranteed = false;
  }
  if (requests.size === 0 && limits.size === 0) return 'BestEffort';
  if (!isGuaranteed || requests.size !== limits.size) return 'Burstable';
  for (const [name, request] of requests) {
    if (limits.get(name)?.nanos !== request.nanos) return 'Burstable';
  }
  return 'Guaranteed';
}

function counted(spec: PodSpec): readonly (ResourceRequirements | undefined)[] {
  if (spec.resources) return [spec.resources];
  return [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(
    ({ resources }) => resources,
  );
}

function hasAny(amounts: Readonly<Record<string, string>> | undefined): boolean {
  return amounts !== undefined && Object.keys(amounts).length > 0;
}

/** How many of cpu and memory were above zero. */
function add(total: Amounts, amounts: Readonly<Record<string, string>> | undefined): number {
  let count = 0;
  for (const name of ['cpu', 'memory']) {
    const text = amounts?.[name];
    if (text === undefined) continue;
    const amount = mustParse(text);
    if (amount.nanos <= 0n) continue;
    count++;
    const known = total.get(name);
    total.set(name, known ? addQuantities(known, amount) : amount);
  }
  return count;
}
