import { mustParse } from '#shared/kube/quantity.ts';

type Amounts = Readonly<Record<string, string>>;

interface RequestingContainer {
  readonly name: string;
  readonly restartPolicy?: string;
  readonly resources?: { readonly requests?: Amounts };
}

interface ReportedContainer {
  readonly name: string;
  readonly allocatedResources?: Amounts;
  readonly resources?: { readonly requests?: Amounts };
}

/** The parts of a pod that say what it asks of a node. */
export interface RequestingPod {
  readonly spec: {
    readonly containers: readonly RequestingContainer[];
    readonly initContainers?: readonly RequestingContainer[];
    readonly resources?: { readonly requests?: Amounts };
    readonly overhead?: Amounts;
  };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly reason?: string }[];
    readonly containerStatuses?: readonly ReportedContainer[];
    readonly initContainerStatuses?: readonly ReportedContainer[];
    readonly resources?: { readonly requests?: Amounts };
    readonly allocatedResources?: Amounts;
  };
}

export interface PodRequestsOptions {
  /** Counts what is allocated and running where a resize is under way. */
  readonly useStatus?: boolean;
  /** Added to every container that does not ask for the resource. */
  readonly missing?: ReadonlyMap<string, number>;
  /** Leaves out what the pod asks for as a whole; its overhead still counts. */
  readonly containersOnly?: boolean;
}

/** Per resource: CPU in thousandths, everything else in whole units; fractions are kept. */
export type RequestedAmounts = Map<string, number>;

/**
 * What a pod asks for in sum, as component-helpers' PodRequests: containers add up, an init container
 * counts with the sidecars started before it where that is more, pod-level requests replace the sum,
 * overhead comes on top.
 */
export function podRequests(
  pod: RequestingPod,
  options: PodRequestsOptions = {},
): RequestedAmounts {
  const totals = containerRequests(pod, options);
  const podLevel = options.containersOnly ? undefined : pod.spec.resources?.requests;
  if (podLevel) {
    const { resources, allocatedResources } = pod.status ?? {};
    const effective =
      options.useStatus && resources
        ? effectiveRequests(pod, podLevel, [resources.requests, allocatedResources])
        : undefined;
    for (const [name, text] of Object.entries(podLevel)) {
      if (!isPodLevelResource(name)) continue;
      totals.set(name, effective ? (effective.get(name) ?? 0) : amountOf(name, text));
    }
  }
  if (pod.spec.overhead) addAmounts(totals, amountsOf(pod.spec.overhead));
  return totals;
}

/** Whether the pod as a whole, not its containers, says what it needs. */
export function hasPodLevelRequests({ spec }: RequestingPod): boolean {
  const requests = spec.resources?.requests;
  if (!requests) return false;
  for (const name in requests) if (isPodLevelResource(name)) return true;
  return false;
}

/** The whole units to reserve for an amount: fractions count as one more. */
export function wholeUnits(amount: number): number {
  return Number.isInteger(amount) ? amount : Math.ceil(Math.round(amount * 1e6) / 1e6);
}

function isPodLevelResource(name: string): boolean {
  return name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');
}

function containerRequests(pod: RequestingPod, options: PodRequestsOptions): RequestedAmounts {
  const { containers, initContainers } = pod.spec;
  const totals: RequestedAmounts = new Map();
  for (const container of containers)
    addAmounts(totals, requestsOf(container, pod, { ...options, hasStatus: true }));
  if (!initContainers?.length) return totals;
  const sidecars: RequestedAmounts = new Map();
  const peak: RequestedAmounts = new Map();
  for (const container of initContainers) {
    const isSidecar = container.restartPolicy === 'Always';
    const own = requestsOf(container, pod, { ...options, hasStatus: isSidecar });
    if (isSidecar) {
      addAmounts(totals, own);
      addAmounts(sidecars, own);
      raiseAmounts(peak, sidecars);
    } else {
      addAmounts(own, sidecars);
      raiseAmounts(peak, own);
    }
  }
  raiseAmounts(totals, peak);
  return totals;
}

function requestsOf(
  container: RequestingContainer,
  pod: RequestingPod,
  options: PodRequestsOptions & { readonly hasStatus: boolean },
): RequestedAmounts {
  const spec = container.resources?.requests;
  let amounts: RequestedAmounts | undefined;
  if (options.useStatus && options.hasStatus) {
    const reported = statusOf(container.name, pod);
    if (reported?.resources) {
      const { resources, allocatedResources } = reported;
      amounts = effectiveRequests(pod, spec, [resources.requests, allocatedResources]);
    }
  }
  amounts ??= amountsOf(spec);
  if (options.missing) {
    for (const [name, amount] of options.missing) {
      if (!amounts.has(name)) amounts.set(name, amount);
    }
  }
  return amounts;
}

/** The container's status; an init container's wins where both have the name. */
function statusOf(name: string, { status }: RequestingPod): ReportedContainer | undefined {
  return (
    status?.initContainerStatuses?.find((one) => one.name === name) ??
    status?.containerStatuses?.find((one) => one.name === name)
  );
}

/** What is promised and what is running, whichever is more; an infeasible wish does not count. */
function effectiveRequests(
  pod: RequestingPod,
  spec: Amounts | undefined,
  real: readonly (Amounts | undefined)[],
): RequestedAmounts {
  const pending = pod.status?.conditions?.find(({ type }) => type === 'PodResizePending');
  const result = pending?.reason === 'Infeasible' ? new Map<string, number>() : amountsOf(spec);
  for (const amounts of real) raiseAmounts(result, amountsOf(amounts));
  return result;
}

function amountsOf(amounts: Amounts | undefined): RequestedAmounts {
  const result: RequestedAmounts = new Map();
  if (amounts) for (const name in amounts) result.set(name, amountOf(name, amounts[name] ?? '0'));
  return result;
}

function addAmounts(totals: RequestedAmounts, more: RequestedAmounts): void {
  for (const [name, amount] of more) totals.set(name, (totals.get(name) ?? 0) + amount);
}

function raiseAmounts(totals: RequestedAmounts, other: RequestedAmounts): void {
  for (const [name, amount] of other) {
    const known = totals.get(name);
    if (known === undefined || amount > known) totals.set(name, amount);
  }
}

// A cluster has few distinct amounts and asks for them millions of times.
const cacheLimit = 10_000;
const thousandths = new Map<string, number>();
const units = new Map<string, number>();

function amountOf(name: string, text: string): number {
  return name === 'cpu'
    ? lookUp(thousandths, text, 1_000_000n)
    : lookUp(units, text, 1_000_000_000n);
}

function lookUp(cache: Map<string, number>, text: string, unit: bigint): number {
  const known = cache.get(text);
  if (known !== undefined) return known;
  const { nanos } = mustParse(text);
  const amount = nanos % unit === 0n ? Number(nanos / unit) : Number(nanos) / Number(unit);
  if (cache.size >= cacheLimit) cache.clear();
  cache.set(text, amount);
  return amount;
}
