import type { Container, PodSpec } from '#shared/api/types/core-v1.ts';
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  mustParse,
  type Quantity,
} from '#shared/kube/quantity.ts';

type Amounts = Map<string, Quantity>;
type SpecOfContainers = Pick<PodSpec, 'containers' | 'initContainers'>;

/** Sum of the containers' requests; one-shot init containers run before, so only their maximum counts. */
export function aggregateRequests(spec: SpecOfContainers): Record<string, string> {
  return aggregate(spec, 'requests');
}

/** The same for limits. */
export function aggregateLimits(spec: SpecOfContainers): Record<string, string> {
  return aggregate(spec, 'limits');
}

function aggregate(spec: SpecOfContainers, member: 'requests' | 'limits'): Record<string, string> {
  const total: Amounts = new Map();
  for (const container of spec.containers ?? []) addTo(total, amountsOf(container, member));
  const sidecars: Amounts = new Map();
  const highest: Amounts = new Map();
  for (const container of spec.initContainers ?? []) {
    let amounts = amountsOf(container, member);
    if (container.restartPolicy === 'Always') {
      addTo(total, amounts);
      addTo(sidecars, amounts);
      amounts = new Map(sidecars);
    } else {
      amounts = new Map(amounts);
      addTo(amounts, sidecars);
    }
    raiseTo(highest, amounts);
  }
  raiseTo(total, highest);
  return Object.fromEntries([...total].map(([name, amount]) => [name, formatQuantity(amount)]));
}

function amountsOf(container: Container, member: 'requests' | 'limits'): Amounts {
  const amounts = container.resources?.[member] ?? {};
  return new Map(Object.entries(amounts).map(([name, amount]) => [name, mustParse(amount)]));
}

function addTo(total: Amounts, amounts: Amounts): void {
  for (const [name, amount] of amounts) {
    const known = total.get(name);
    total.set(name, known ? addQuantities(known, amount) : amount);
  }
}

function raiseTo(total: Amounts, amounts: Amounts): void {
  for (const [name, amount] of amounts) {
    const known = total.get(name);
    if (!known || compareQuantities(amount, known) > 0) total.set(name, amount);
  }
}
