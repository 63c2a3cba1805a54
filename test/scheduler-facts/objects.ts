import type { KubeObject } from '#shared/kube/object.ts';

type Json = Record<string, unknown>;
type Amounts = Record<string, string>;

/** An object of a scenario in its short form. */
export interface Short extends Json {
  readonly n: string;
  readonly ns?: string;
  readonly l?: Record<string, string>;
  readonly a?: Record<string, string>;
}

/** Short name of a kind in scenarios → plural, and whether it has a namespace. */
export const kinds: Readonly<Record<string, readonly [plural: string, isNamespaced: boolean]>> = {
  nodes: ['nodes', false],
  pods: ['pods', true],
  svc: ['services', true],
  rs: ['replicasets', true],
  ss: ['statefulsets', true],
  rc: ['replicationcontrollers', true],
  pdb: ['poddisruptionbudgets', true],
  sc: ['storageclasses', false],
  csidriver: ['csidrivers', false],
  csinode: ['csinodes', false],
  cap: ['csistoragecapacities', true],
  pv: ['persistentvolumes', false],
  pvc: ['persistentvolumeclaims', true],
  dc: ['deviceclasses', false],
  slice: ['resourceslices', false],
  claim: ['resourceclaims', true],
};

export const namespaces = [
  { n: 'ns-a', l: { team: 'a', tier: 'x', 'kubernetes.io/metadata.name': 'ns-a' } },
  { n: 'ns-b', l: { team: 'b', tier: 'x', 'kubernetes.io/metadata.name': 'ns-b' } },
  { n: 'ns-c', l: { team: 'a', tier: 'y', 'kubernetes.io/metadata.name': 'ns-c' } },
];

const priorities: Readonly<Record<string, number>> = {
  'p-neg': -10,
  p10: 10,
  p100: 100,
  p1000: 1000,
  'p100-never': 100,
};

/**
 * The whole object, with what admission and, where `asStored`, the pod strategy of the API server
 * would have added.
 */
export function expand(
  kind: string,
  short: Short,
  { asStored }: { readonly asStored: boolean },
): KubeObject {
  const { n, ns = 'ns-a', l, a, ...rest } = short;
  const isNamespaced = kinds[kind]?.[1] ?? false;
  const metadata = {
    name: n,
    ...(isNamespaced && { namespace: ns }),
    ...(l && { labels: l }),
    ...(a && { annotations: a }),
  };
  const base = { metadata } as unknown as KubeObject & { metadata: Json };
  if (kind === 'nodes') return node(base, rest);
  if (kind === 'pods') {
    const full = pod(base, rest);
    return asStored ? withLabelKeys(full) : full;
  }
  if (kind === 'svc')
    return { ...base, spec: { clusterIP: 'None', selector: rest['sel'] } } as never;
  if (kind === 'rs' || kind === 'ss' || kind === 'rc') {
    const labels = rest['sel'];
    const selector = kind === 'rc' ? labels : { matchLabels: labels };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    return { ...base, spec: { replicas: 0, selector, template } } as never;
  }
  if (kind === 'dc') return { ...base, spec: {}, ...rest } as never;
  return { ...base, ...rest };
}

function node(base: KubeObject & { metadata: Json }, rest: Json): KubeObject {
  const {
    alloc = {},
    off,
    images = [],
    taints,
  } = rest as {
    alloc?: Amounts;
    off?: boolean;
    images?: [string[], number][];
    taints?: unknown[];
  };
  const amounts = { cpu: '4', memory: '8Gi', pods: '110', ...alloc };
  const labels = {
    'kubernetes.io/hostname': base.metadata.name,
    ...(base.metadata['labels'] as object | undefined),
  };
  return {
    ...base,
    metadata: { ...base.metadata, labels },
    spec: { ...(off && { unschedulable: true }), ...(taints && { taints }) },
    status: {
      allocatable: amounts,
      capacity: amounts,
      conditions: [{ type: 'Ready', status: 'True' }],
      images: images.map(([names, sizeBytes]) => ({ names, sizeBytes })),
    },
  } as never;
}

interface ShortPod {
  readonly node?: string;
  readonly pc?: string;
  readonly owner?: string;
  readonly img?: string;
  readonly req?: Amounts;
  readonly lim?: Amounts;
  readonly ports?: unknown[];
  readonly spec?: Json;
  readonly status?: Json;
}

function pod(base: KubeObject & { metadata: Json }, rest: Json): KubeObject {
  const {
    node: nodeName,
    pc,
    owner,
    img = 'i',
    req,
    lim,
    ports,
    spec = {},
    status,
  } = rest as ShortPod;
  const own = { image: img, resources: { requests: req, limits: lim }, ports };
  const containers = ((spec['containers'] as Json[] | undefined) ?? [own]).map(container);
  const inits = (spec['initContainers'] as Json[] | undefined)?.map((one, index) => ({
    ...container(one, index),
    name: `i${index}`,
  }));
  const priority = pc === undefined ? 0 : priorities[pc];
  const full = {
    schedulerName: 'default-scheduler',
    ...spec,
    containers,
    ...(inits && { initContainers: inits }),
    ...(nodeName && { nodeName }),
    priority,
    preemptionPolicy: pc === 'p100-never' ? 'Never' : 'PreemptLowerPriority',
  };
  const metadata = { ...base.metadata, ...(owner && { ownerReferences: [controller(owner)] }) };
  return admitted({ ...base, metadata, spec: full, status: { phase: 'Pending', ...status } });
}

function container(short: Json, index: number): Json {
  const { resources } = short as {
    resources?: { requests?: Amounts; limits?: Amounts; claims?: unknown };
  };
  const { requests = {}, limits = {}, claims } = resources ?? {};
  // What cannot be overcommitted is limited to what is asked for.
  const bounded = Object.entries(requests).filter(([name]) => /\/|^hugepages-/.test(name));
  const allLimits = { ...Object.fromEntries(bounded), ...limits };
  return {
    name: `c${index}`,
    image: 'i',
    ...short,
    resources: {
      requests: { ...allLimits, ...requests },
      limits: allLimits,
      ...(claims ? { claims } : {}),
    },
  };
}

const owners: Readonly<Record<string, readonly [apiVersion: string, kind: string]>> = {
  rs: ['apps/v1', 'ReplicaSet'],
  ss: ['apps/v1', 'StatefulSet'],
  ds: ['apps/v1', 'DaemonSet'],
  rc: ['v1', 'ReplicationController'],
};

function controller(owner: string): Json {
  const [short = '', name] = owner.split('/');
  const [apiVersion, kind] = owners[short] ?? ['batch/v1', 'Job'];
  return { apiVersion, kind, name, uid: `uid-${name}`, controller: true };
}

/** What admission does to a new pod. */
function admitted(pod: Json): KubeObject {
  const spec = pod['spec'] as Json;
  if (spec['runtimeClassName'] === 'heavy') spec['overhead'] = { cpu: '250m', memory: '256Mi' };
  if (spec['runtimeClassName'] === 'special') {
    spec['nodeSelector'] = { ...(spec['nodeSelector'] as object | undefined), rt: 'special' };
    const own = (spec['tolerations'] ?? []) as unknown[];
    spec['tolerations'] = [...own, { key: 'rt', operator: 'Exists' }];
  }
  if (spec['hostNetwork']) {
    for (const one of spec['containers'] as Json[]) {
      const ports = one['ports'] as Json[] | undefined;
      if (ports) one['ports'] = ports.map((port) => ({ hostPort: port['containerPort'], ...port }));
    }
  }
  return pod as never;
}

/** Label keys of affinity terms become part of their selectors when a pod is created. */
function withLabelKeys(full: KubeObject): KubeObject {
  const pod = full as unknown as { readonly spec: Json; readonly metadata: Json };
  const { labels = {} } = pod.metadata as { labels?: Record<string, string> };
  const affinity = structuredClone(pod.spec['affinity']) as Record<string, Json> | undefined;
  for (const kind of ['podAffinity', 'podAntiAffinity']) {
    const terms = affinity?.[kind] as Record<string, Json[]> | undefined;
    for (const term of terms?.['requiredDuringSchedulingIgnoredDuringExecution'] ?? [])
      mergeLabelKeys(term, labels);
    for (const one of terms?.['preferredDuringSchedulingIgnoredDuringExecution'] ?? [])
      mergeLabelKeys(one['podAffinityTerm'] as Json, labels);
  }
  if (affinity) pod.spec['affinity'] = affinity;
  return full;
}

function mergeLabelKeys(term: Json, labels: Record<string, string>): void {
  const selector = term['labelSelector'] as { matchExpressions?: unknown[] } | undefined;
  if (!selector) return;
  const add = (keys: unknown, operator: string): void => {
    for (const key of (keys ?? []) as string[]) {
      if (labels[key] === undefined) continue;
      (selector.matchExpressions ??= []).push({ key, operator, values: [labels[key]] });
    }
  };
  add(term['matchLabelKeys'], 'In');
  add(term['mismatchLabelKeys'], 'NotIn');
}
