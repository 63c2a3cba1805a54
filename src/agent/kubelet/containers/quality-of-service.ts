import type { Pod, ResourceRequirements } from '#shared/api/types/core-v1.ts';
import {
  compareQuantities,
  mustParse,
  addQuantities,
  type Quantity,
} from '#shared/kube/quantity.ts';

export type QualityOfService = 'Guaranteed' | 'Burstable' | 'BestEffort';

const names = ['cpu', 'memory'] as const;

/** As upstream's ComputePodQOS: by CPU and memory of all containers, or of the pod where it states them. */
export function qualityOfService({ spec }: Pod): QualityOfService {
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  const own = spec.resources;
  const hasOwn = own && (isAny(own.requests) || isAny(own.limits));
  const all: readonly ResourceRequirements[] = hasOwn
    ? [own]
    : containers.map(({ resources }) => resources);
  const requests = sums(all.map((one) => one.requests));
  const limits = sums(all.map((one) => one.limits));
  if (requests.size === 0 && limits.size === 0) return 'BestEffort';
  const isLimited = all.every(({ limits: own = {} }) =>
    names.every((name) => isPositive(own[name])),
  );
  const isGuaranteed =
    isLimited &&
    requests.size === limits.size &&
    [...requests].every(([name, amount]) => {
      const limit = limits.get(name);
      return limit !== undefined && compareQuantities(amount, limit) === 0;
    });
  return isGuaranteed ? 'Guaranteed' : 'Burstable';
}

type Amounts = Readonly<Record<string, string>> | undefined;

function isAny(amounts: Amounts): boolean {
  return names.some((name) => isPositive(amounts?.[name]));
}

function isPositive(text: string | undefined): boolean {
  return text !== undefined && mustParse(text).nanos > 0n;
}

function sums(all: readonly Amounts[]): Map<string, Quantity> {
  const result = new Map<string, Quantity>();
  for (const amounts of all) {
    for (const name of names) {
      const text = amounts?.[name];
      if (text === undefined || !isPositive(text)) continue;
      const known = result.get(name);
      const amount = mustParse(text);
      result.set(name, known ? addQuantities(known, amount) : amount);
    }
  }
  return result;
}
