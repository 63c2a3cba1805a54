import {
  addQuantities,
  formatQuantity,
  mustParse,
  parseQuantity,
  zeroQuantity,
  type Quantity,
} from '#shared/kube/quantity.ts';
import { podRequests } from '#shared/kube/pod-requests.ts';

/** What one object takes of a namespace's quota, by the names that quotas use. */
export type Usage = ReadonlyMap<string, Quantity>;

type Amounts = Readonly<Record<string, string>>;

interface QuotaContainer {
  readonly name: string;
  readonly restartPolicy?: string;
  readonly resources?: { readonly requests?: Amounts; readonly limits?: Amounts };
}

export interface QuotaPod {
  readonly metadata: {
    readonly deletionTimestamp?: string;
    readonly deletionGracePeriodSeconds?: number;
  };
  readonly spec: {
    readonly containers: readonly QuotaContainer[];
    readonly initContainers?: readonly QuotaContainer[];
    readonly resources?: { readonly requests?: Amounts; readonly limits?: Amounts };
    readonly overhead?: Amounts;
    readonly activeDeadlineSeconds?: number;
    readonly priorityClassName?: string;
    readonly affinity?: unknown;
  };
  readonly status?: { readonly phase?: string; readonly qosClass?: string };
}

/** A pod that is over, or overdue, takes nothing but its place among `count/pods`. */
export function isCounted({ metadata, status }: QuotaPod, now: number): boolean {
  if (status?.phase === 'Failed' || status?.phase === 'Succeeded') return false;
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  if (!deletionTimestamp || deletionGracePeriodSeconds === undefined) return true;
  return now <= Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
}

export function podUsage(pod: QuotaPod, now: number): Usage {
  const usage = new Map<string, Quantity>([['count/pods', one]]);
  if (!isCounted(pod, now)) return usage;
  usage.set('pods', one);
  for (const [name, quantity] of amountsOf(pod, 'requests')) {
    usage.set(`requests.${name}`, quantity);
    if (isBare(name)) usage.set(name, quantity);
  }
  for (const [name, quantity] of amountsOf(pod, 'limits'))
    if (isStandard(name)) usage.set(`limits.${name}`, quantity);
  return usage;
}

const one: Quantity = { nanos: 1_000_000_000n, format: 'DecimalSI' };
const isStandard = (name: string): boolean =>
  name === 'cpu' || name === 'memory' || name === 'ephemeral-storage';
const isBare = (name: string): boolean => isStandard(name) || name.startsWith('hugepages-');

/** Sums as the scheduler's, exact and in the family of suffixes that the pod wrote. */
function amountsOf(pod: QuotaPod, field: 'requests' | 'limits'): Map<string, Quantity> {
  const view = field === 'requests' ? pod : limitsAsRequests(pod);
  const totals = podRequests(view as never);
  const sums = new Map<string, Quantity>();
  for (const [name, amount] of totals) {
    const nanos =
      BigInt(Math.round(amount * (name === 'cpu' ? 1e6 : 1e3))) *
      (name === 'cpu' ? 1n : 1_000_000n);
    sums.set(name, { nanos, format: formatOf(view, name) });
  }
  return sums;
}

function formatOf({ spec }: QuotaPod, name: string): Quantity['format'] {
  for (const { resources } of [...spec.containers, ...(spec.initContainers ?? [])]) {
    const text = resources?.requests?.[name];
    const quantity = text === undefined ? undefined : parseQuantity(text);
    if (quantity && quantity.nanos !== 0n) return quantity.format;
  }
  const own = spec.resources?.requests?.[name];
  return (own !== undefined && parseQuantity(own)?.format) || 'DecimalSI';
}

function limitsAsRequests(pod: QuotaPod): QuotaPod {
  const turned = (container: QuotaContainer): QuotaContainer => ({
    ...container,
    resources: { requests: container.resources?.limits ?? {} },
  });
  const { containers, initContainers, resources, overhead, ...others } = pod.spec;
  // Overhead counts towards a limit only where there is one.
  const limited = Object.keys(overhead ?? {}).filter((name) =>
    containers.some((container) => container.resources?.limits?.[name] !== undefined),
  );
  const overheads = Object.fromEntries(limited.map((name) => [name, overhead![name]!]));
  return {
    ...pod,
    spec: {
      ...others,
      containers: containers.map(turned),
      ...(initContainers && { initContainers: initContainers.map(turned) }),
      ...(resources?.limits && { resources: { requests: resources.limits } }),
      ...(limited.length > 0 && { overhead: overheads }),
    },
  };
}

export interface QuotaService {
  readonly spec: {
    readonly type?: string;
    readonly ports?: readonly { readonly nodePort?: number }[];
    readonly allocateLoadBalancerNodePorts?: boolean;
  };
}

export function serviceUsage({ spec }: QuotaService): Usage {
  const { type, ports = [], allocateLoadBalancerNodePorts } = spec;
  const usage = new Map<string, Quantity>([
    ['count/services', one],
    ['services', one],
    ['services.loadbalancers', whole(type === 'LoadBalancer' ? 1 : 0)],
  ]);
  let nodePorts = 0;
  if (type === 'NodePort') nodePorts = ports.length;
  else if (type === 'LoadBalancer')
    nodePorts =
      allocateLoadBalancerNodePorts === false
        ? ports.filter(({ nodePort }) => nodePort).length
        : ports.length;
  return usage.set('services.nodeports', whole(nodePorts));
}

export interface QuotaClaim {
  readonly metadata: { readonly annotations?: Amounts };
  readonly spec: {
    readonly storageClassName?: string;
    readonly volumeAttributesClassName?: string;
    readonly resources: { readonly requests?: Amounts };
  };
  readonly status?: { readonly allocatedResources?: Amounts };
}

export function claimUsage({ metadata, spec, status }: QuotaClaim): Usage {
  const usage = new Map<string, Quantity>([
    ['count/persistentvolumeclaims', one],
    ['persistentvolumeclaims', one],
  ]);
  const className =
    metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? spec.storageClassName;
  const prefix = className ? `${className}.storageclass.storage.k8s.io/` : undefined;
  if (prefix) usage.set(`${prefix}persistentvolumeclaims`, one);
  const asked = spec.resources.requests?.['storage'];
  const allocated = status?.allocatedResources?.['storage'];
  const sizes = [asked, allocated].flatMap((text) => (text === undefined ? [] : [mustParse(text)]));
  const [size] = sizes.sort((a, b) => (a.nanos < b.nanos ? 1 : -1));
  if (!size) return usage;
  usage.set('requests.storage', size);
  if (prefix) usage.set(`${prefix}requests.storage`, size);
  return usage;
}

/** Kinds that quotas may also count by their bare name. */
const bareCounts: ReadonlySet<string> = new Set([
  'configmaps',
  'secrets',
  'replicationcontrollers',
  'resourcequotas',
]);

/** What every object takes: its place among its kind. */
export function objectUsage({
  group,
  plural,
}: {
  readonly group: string;
  readonly plural: string;
}): Usage {
  const name = group ? `${plural}.${group}` : plural;
  const usage = new Map<string, Quantity>([[`count/${name}`, one]]);
  return group === '' && bareCounts.has(plural) ? usage.set(plural, one) : usage;
}

function whole(count: number): Quantity {
  return { nanos: BigInt(count) * 1_000_000_000n, format: 'DecimalSI' };
}

export interface ScopeRequirement {
  readonly scopeName: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

interface ScopedQuota {
  readonly scopes?: readonly string[];
  readonly scopeSelector?: { readonly matchExpressions?: readonly ScopeRequirement[] };
}

/** A quota's scopes as requirements, all of which an object must meet. */
export function scopesOf({ scopes = [], scopeSelector }: ScopedQuota): readonly ScopeRequirement[] {
  const plain = scopes.map((scopeName) => ({ scopeName, operator: 'Exists' }));
  return [...plain, ...(scopeSelector?.matchExpressions ?? [])];
}

export function podMeets(
  pod: QuotaPod,
  { scopeName, operator, values = [] }: ScopeRequirement,
): boolean {
  const { activeDeadlineSeconds, priorityClassName, affinity } = pod.spec;
  const isTerminating = activeDeadlineSeconds !== undefined && activeDeadlineSeconds >= 0;
  switch (scopeName) {
    case 'Terminating':
      return isTerminating;
    case 'NotTerminating':
      return !isTerminating;
    case 'BestEffort':
      return isBestEffort(pod);
    case 'NotBestEffort':
      return !isBestEffort(pod);
    case 'PriorityClass':
      return meetsNamed(priorityClassName, operator, values);
    case 'CrossNamespacePodAffinity':
      return crossesNamespaces(affinity);
    default:
      return false;
  }
}

export function claimMeets(
  claim: QuotaClaim,
  { scopeName, operator, values = [] }: ScopeRequirement,
): boolean {
  if (scopeName !== 'VolumeAttributesClass') return false;
  return meetsNamed(claim.spec.volumeAttributesClassName, operator, values);
}

function meetsNamed(
  name: string | undefined,
  operator: string,
  values: readonly string[],
): boolean {
  switch (operator) {
    case 'In':
      return name !== undefined && values.includes(name);
    case 'NotIn':
      return name === undefined || !values.includes(name);
    case 'DoesNotExist':
      return !name;
    default:
      return Boolean(name);
  }
}

function isBestEffort({ spec, status }: QuotaPod): boolean {
  if (status?.qosClass) return status.qosClass === 'BestEffort';
  const asks = (resources: QuotaContainer['resources']): boolean =>
    ['cpu', 'memory'].some((name) => {
      const text = resources?.requests?.[name] ?? resources?.limits?.[name];
      return text !== undefined && mustParse(text).nanos > 0n;
    });
  const all = [...spec.containers, ...(spec.initContainers ?? [])];
  return !asks(spec.resources) && !all.some(({ resources }) => asks(resources));
}

interface AffinityTerms {
  readonly requiredDuringSchedulingIgnoredDuringExecution?: readonly AffinityTerm[];
  readonly preferredDuringSchedulingIgnoredDuringExecution?: readonly {
    readonly podAffinityTerm: AffinityTerm;
  }[];
}
interface AffinityTerm {
  readonly namespaces?: readonly string[];
  readonly namespaceSelector?: unknown;
}

function crossesNamespaces(affinity: unknown): boolean {
  const { podAffinity, podAntiAffinity } = (affinity ?? {}) as {
    readonly podAffinity?: AffinityTerms;
    readonly podAntiAffinity?: AffinityTerms;
  };
  return [podAffinity, podAntiAffinity].some((terms) =>
    [
      ...(terms?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
      ...(terms?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(
        ({ podAffinityTerm }) => podAffinityTerm,
      ),
    ].some(
      ({ namespaces, namespaceSelector }) =>
        Boolean(namespaces?.length) || namespaceSelector !== undefined,
    ),
  );
}

/** The sums of these usages for the resources that `hard` names, as canonical text. */
export function sumUsages(usages: Iterable<Usage>, hard: Iterable<string>): Record<string, string> {
  const totals = new Map<string, Quantity>();
  for (const name of hard) totals.set(name, zeroQuantity);
  for (const usage of usages)
    for (const [name, quantity] of usage) {
      const total = totals.get(name);
      if (total) totals.set(name, addQuantities(total, quantity));
    }
  return Object.fromEntries([...totals].map(([name, total]) => [name, formatQuantity(total)]));
}
