import type { Resource } from '#shared/kube/resource.ts';

/** One group and version that discovery shows. */
export interface ServedVersion {
  readonly group: string;
  readonly version: string;
  /** `groupPriorityMinimum` and `versionPriority` of its APIService. */
  readonly groupPriority: number;
  readonly versionPriority: number;
  readonly resources: readonly Resource[];
  /** Defined by CRDs: some answers differ in form. */
  readonly isCustom?: boolean;
  /** What another API server says that it serves; it answers for itself otherwise. */
  readonly foreign?: readonly ForeignResource[];
  /** Served by another API server that could not be asked lately. */
  readonly isStale?: boolean;
}

/** A resource as aggregated discovery describes it. */
export interface ForeignResource {
  readonly resource: string;
  readonly responseKind: ForeignKind;
  readonly scope: 'Namespaced' | 'Cluster';
  readonly singularResource: string;
  readonly verbs: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly subresources?: readonly ForeignSubresource[];
}

export interface ForeignSubresource {
  readonly subresource: string;
  readonly responseKind: ForeignKind;
  readonly verbs: readonly string[];
}

interface ForeignKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface ServedGroup {
  readonly name: string;
  /** The preferred one first. */
  readonly versions: readonly ServedVersion[];
}

/** What a CRD's group and version get. */
const customPriorities = { groupPriority: 1000, versionPriority: 100 } as const;

/** By group: `[groupPriorityMinimum, versionPriority of v1]`. */
const builtInPriorities: Readonly<Record<string, readonly [group: number, version: number]>> = {
  'apiregistration.k8s.io': [20_000, 18],
  '': [18_000, 1],
  apps: [17_800, 15],
  'events.k8s.io': [17_750, 15],
  'authentication.k8s.io': [17_700, 15],
  'authorization.k8s.io': [17_600, 15],
  autoscaling: [17_500, 15],
  batch: [17_400, 15],
  'certificates.k8s.io': [17_300, 15],
  'networking.k8s.io': [17_200, 15],
  policy: [17_100, 15],
  'rbac.authorization.k8s.io': [17_000, 15],
  'storage.k8s.io': [16_800, 15],
  'admissionregistration.k8s.io': [16_700, 15],
  'apiextensions.k8s.io': [16_700, 15],
  'scheduling.k8s.io': [16_600, 15],
  'coordination.k8s.io': [16_500, 15],
  'node.k8s.io': [16_300, 15],
  'discovery.k8s.io': [16_200, 15],
  'resource.k8s.io': [16_200, 21],
  'flowcontrol.apiserver.k8s.io': [16_100, 21],
};

/** The groups and versions of resources that are built in, or of CRDs' with `isCustom`. */
export function servedVersions(
  resources: Iterable<Resource>,
  { isCustom = false }: { readonly isCustom?: boolean } = {},
): readonly ServedVersion[] {
  const byGroupVersion = new Map<string, Resource[]>();
  for (const resource of resources) {
    const key = `${resource.group}/${resource.version}`;
    const others = byGroupVersion.get(key);
    if (others) others.push(resource);
    else byGroupVersion.set(key, [resource]);
  }
  return Array.from(byGroupVersion.values(), (members): ServedVersion => {
    const { group, version } = members[0]!;
    return { group, version, ...prioritiesOf(group, version), resources: members, isCustom };
  });
}

/** What the server itself gives a group and version; `autoscaling/v2` goes before `v1`. */
function prioritiesOf(
  group: string,
  version: string,
): Pick<ServedVersion, 'groupPriority' | 'versionPriority'> {
  const [groupPriority, versionPriority] = builtInPriorities[group] ?? [];
  if (groupPriority === undefined || versionPriority === undefined) return customPriorities;
  return {
    groupPriority,
    versionPriority: group === 'autoscaling' && version === 'v2' ? 30 : versionPriority,
  };
}

/** Groups and versions in the order of discovery: by priority, then groups by name, versions as Kubernetes compares them. */
export function servedGroups(versions: Iterable<ServedVersion>): readonly ServedGroup[] {
  const byGroup = new Map<string, ServedVersion[]>();
  for (const version of versions) {
    const others = byGroup.get(version.group);
    if (others) others.push(version);
    else byGroup.set(version.group, [version]);
  }
  const groups = Array.from(byGroup, ([name, members]) => ({
    name,
    versions: members.toSorted(
      (a, b) => b.versionPriority - a.versionPriority || compareVersions(b.version, a.version),
    ),
    priority: Math.max(...members.map(({ groupPriority }) => groupPriority)),
  }));
  return groups
    .toSorted((a, b) => b.priority - a.priority || (a.name < b.name ? -1 : 1))
    .map(({ name, versions }) => ({ name, versions }));
}

const stages = ['alpha', 'beta', undefined];

/** Greater is more preferred: `v2`, `v1`, `v1beta2`, `v1beta1`, `v1alpha1`, then other names from a to z. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parts(a), parts(b)];
  if (!left && !right) return a < b ? 1 : a > b ? -1 : 0;
  if (!left || !right) return left ? 1 : -1;
  return left.stage - right.stage || left.major - right.major || left.minor - right.minor;
}

function parts(version: string): { stage: number; major: number; minor: number } | undefined {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (!match) return undefined;
  const [, major, stage, minor = '0'] = match;
  return { stage: stages.indexOf(stage), major: Number(major), minor: Number(minor) };
}
