import { quantityMilliValue, quantityValue } from '#shared/kube/quantity.ts';
import { podRequests, type RequestingPod } from '#shared/kube/pod-requests.ts';

/** CPU in thousandths, everything else in whole units. */
export type Amounts = ReadonlyMap<string, number>;

export interface NodeAmounts {
  readonly metadata: { readonly name: string };
  readonly status?: { readonly allocatable?: Readonly<Record<string, string>> };
}

export interface PlacedPod extends RequestingPod {
  readonly spec: RequestingPod['spec'] & { readonly nodeName?: string };
  readonly status?: RequestingPod['status'] & { readonly phase?: string };
}

const allocatableAmounts = new WeakMap<NodeAmounts, Amounts>();
const requestedAmounts = new WeakMap<PlacedPod, Amounts>();

/** Objects never change, so that what one says is worked out once. */
function once<Key extends object, T>(known: WeakMap<Key, T>, key: Key, make: () => T): T {
  const value = known.get(key) ?? make();
  known.set(key, value);
  return value;
}

export function allocatableOf(node: NodeAmounts): Amounts {
  return once(allocatableAmounts, node, () => readAllocatable(node));
}

function readAllocatable({ status }: NodeAmounts): Amounts {
  return new Map(
    Object.entries(status?.allocatable ?? {}).map(([name, text]) => [
      name,
      name === 'cpu' ? quantityMilliValue(text) : quantityValue(text),
    ]),
  );
}

/** Per node what its pods ask for in sum, with their number as `pods`; those that have ended count no more. */
export function requestsByNode(pods: Iterable<PlacedPod>): ReadonlyMap<string, Amounts> {
  const sums = new Map<string, Map<string, number>>();
  for (const pod of pods) {
    const { nodeName } = pod.spec;
    const hasEnded = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    if (!nodeName || hasEnded) continue;
    const sum = sums.get(nodeName) ?? new Map<string, number>();
    sums.set(nodeName, sum);
    const requests = once(requestedAmounts, pod, () => podRequests(pod, { useStatus: true }));
    for (const [name, amount] of requests) sum.set(name, (sum.get(name) ?? 0) + amount);
    sum.set('pods', (sum.get('pods') ?? 0) + 1);
  }
  return sums;
}

const units = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'];

/** `600m`, `1.4`, `2` for CPU; `512Mi`, `1.5Gi` for bytes; plain numbers for anything else. */
export function amountText(resource: string, amount: number): string {
  if (resource === 'cpu')
    return Math.abs(amount) < 1000 && amount !== 0
      ? `${Math.round(amount)}m`
      : short(amount / 1000);
  if (!/memory|storage|hugepages/.test(resource)) return short(amount);
  let value = amount;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${short(value)}${units[unit]}`;
}

function short(value: number): string {
  return String(Math.round(value * 10) / 10);
}
