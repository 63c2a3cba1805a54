import type { LimitRangeItem } from '#shared/api/types/core-v1.ts';
import { canonicalQuantity, quantityMilliValue, quantityValue } from '#shared/kube/quantity.ts';

interface Usage {
  readonly requests?: Readonly<Record<string, string>>;
  readonly limits?: Readonly<Record<string, string>>;
}

interface Check {
  readonly type: string;
  readonly resource: string;
  /** What the LimitRange says. */
  readonly bound: string;
  readonly request: string | undefined;
  readonly limit: string | undefined;
}

/** What a pod, container or claim does against one item of a LimitRange, in upstream's words. */
export function checkLimit(item: LimitRangeItem, usage: Usage): string[] {
  const { type } = item;
  const isClaim = type === 'PersistentVolumeClaim';
  const run = (
    bounds: Readonly<Record<string, string>> | undefined,
    check: (check: Check) => string | undefined,
  ): string[] =>
    Object.entries(bounds ?? {}).flatMap(([resource, bound]) => {
      const request = usage.requests?.[resource];
      const complaint = check({ type, resource, bound, request, limit: usage.limits?.[resource] });
      return complaint === undefined ? [] : [complaint];
    });
  return [
    ...run(item.min, checkMinimum),
    ...run(item.max, isClaim ? checkMaximumRequest : checkMaximum),
    ...(isClaim ? [] : run(item.maxLimitRequestRatio, checkRatio)),
  ];
}

/** Above this a value in thousandths would not fit 64 bits, and whole units are compared. */
const maxMilliValue = (2 ** 63 - 1) / 1000;

/** The amounts in one unit; absent ones are zero. */
function comparable(...amounts: readonly (string | undefined)[]): readonly number[] {
  const whole = amounts.map((amount) => (amount === undefined ? 0 : quantityValue(amount)));
  if (whole.some((value) => value > maxMilliValue)) return whole;
  return amounts.map((amount) => (amount === undefined ? 0 : quantityMilliValue(amount)));
}

function checkMinimum({ type, resource, bound, request, limit }: Check): string | undefined {
  const [requested = 0, limited = 0, least = 0] = comparable(request, limit, bound);
  const rule = `minimum ${resource} usage per ${type} is ${canonicalQuantity(bound)}`;
  if (request === undefined) return `${rule}.  No request is specified`;
  if (requested < least) return `${rule}, but request is ${canonicalQuantity(request)}`;
  if (limit !== undefined && limited < least) {
    return `${rule}, but limit is ${canonicalQuantity(limit)}`;
  }
  return undefined;
}

function checkMaximum({ type, resource, bound, request, limit }: Check): string | undefined {
  const [requested = 0, limited = 0, most = 0] = comparable(request, limit, bound);
  const rule = `maximum ${resource} usage per ${type} is ${canonicalQuantity(bound)}`;
  if (limit === undefined) return `${rule}.  No limit is specified`;
  if (limited > most) return `${rule}, but limit is ${canonicalQuantity(limit)}`;
  if (request !== undefined && requested > most) {
    return `${rule}, but request is ${canonicalQuantity(request)}`;
  }
  return undefined;
}

function checkMaximumRequest({ type, resource, bound, request }: Check): string | undefined {
  const [requested = 0, most = 0] = comparable(request, bound);
  const rule = `maximum ${resource} usage per ${type} is ${canonicalQuantity(bound)}`;
  if (request === undefined) return `${rule}.  No request is specified`;
  return requested > most ? `${rule}, but request is ${canonicalQuantity(request)}` : undefined;
}

function checkRatio({ type, resource, bound, request, limit }: Check): string | undefined {
  const [requested = 0, limited = 0] = comparable(request, limit, bound);
  const rule = `${resource} max limit to request ratio per ${type} is ${canonicalQuantity(bound)}`;
  if (requested === 0) return `${rule}, but no request is specified or request is 0`;
  if (limited === 0) return `${rule}, but no limit is specified or limit is 0`;
  const ratio = limited / requested;
  if (ratio * 1000 <= quantityMilliValue(bound)) return undefined;
  return `${rule}, but provided ratio is ${ratio.toFixed(6)}`;
}
