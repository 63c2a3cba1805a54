import type {
  ServedGroup,
  ServedVersion,
} from '#main/control-plane/apiserver/discovery/served-groups.ts';
import { storageVersionHash } from '#main/control-plane/apiserver/discovery/storage-version-hash.ts';
import { allVerbs, type Resource, type Subresource } from '#shared/kube/resource.ts';
import type {
  APIGroup,
  APIGroupList,
  APIResource,
  APIResourceList,
  APIVersions,
  GroupVersionForDiscovery,
} from '#shared/kube/types/meta-v1.ts';

/** The answer to `/api`; `serverAddress` is `host:port` as clients reach it. */
export function legacyVersions(serverAddress: string): APIVersions {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
  } as unknown as APIVersions;
}

/** The answer to `/apis`: every group but the legacy one. */
export function groupList(groups: readonly ServedGroup[]): APIGroupList {
  const named = groups.filter(({ name }) => name !== '');
  return {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: named.map(describedGroup),
  } as APIGroupList;
}

/** The answer to `/apis/<group>`. */
export function groupDocument(group: ServedGroup): APIGroup {
  return { kind: 'APIGroup', apiVersion: 'v1', ...describedGroup(group) } as APIGroup;
}

/** The answer to `/api/v1` and `/apis/<group>/<version>`. */
export function resourceList(served: ServedVersion): APIResourceList {
  const groupVersion = served.group ? `${served.group}/${served.version}` : served.version;
  const isLegacy = served.group === '';
  return {
    kind: 'APIResourceList',
    ...(!isLegacy && { apiVersion: 'v1' }),
    groupVersion,
    resources: served.resources.flatMap((resource) => describedResources(resource, served)),
  } as APIResourceList;
}

function describedGroup({ name, versions }: ServedGroup): object {
  const described = versions.map(({ version }): GroupVersionForDiscovery => ({
    groupVersion: `${name}/${version}`,
    version,
  }));
  return { name, versions: described, preferredVersion: described[0] };
}

const customVerbs = [
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'create',
  'update',
  'watch',
];

/** The verbs in the order in which upstream names them. */
export function shownVerbs(resource: Resource, { isCustom }: ServedVersion): readonly string[] {
  const verbs: readonly string[] = resource.verbs ?? allVerbs;
  return isCustom ? customVerbs.filter((verb) => verbs.includes(verb)) : verbs;
}

function describedResources(resource: Resource, served: ServedVersion): readonly APIResource[] {
  const { plural, singular, kind, shortNames, categories } = resource;
  const isNamespaced = resource.scope === 'Namespaced';
  const hash = storageVersionHash(resource);
  const itself: APIResource = {
    name: plural,
    singularName: singular,
    namespaced: isNamespaced,
    kind,
    verbs: shownVerbs(resource, served),
    ...(shortNames?.length && { shortNames }),
    ...(categories?.length && { categories }),
    ...(hash && { storageVersionHash: hash }),
  };
  const others = (resource.subresources ?? []).map((subresource): APIResource => ({
    name: `${plural}/${subresource.name}`,
    singularName: '',
    namespaced: isNamespaced,
    ...foreignGroupVersion(subresource),
    kind: subresource.kind,
    verbs: subresource.verbs,
  }));
  return [itself, ...others];
}

/** Only a kind of another group is named with it. */
export function foreignGroupVersion({
  groupVersion,
}: Subresource): { readonly group: string; readonly version: string } | undefined {
  if (groupVersion === undefined) return undefined;
  const [group = '', version = ''] = groupVersion.includes('/')
    ? groupVersion.split('/')
    : ['', groupVersion];
  return { group, version };
}
