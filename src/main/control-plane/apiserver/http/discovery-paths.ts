import type { Catalog } from '#main/control-plane/apiserver/catalog.ts';
import {
  aggregatedContentType,
  aggregatedDiscovery,
  discoveryEtag,
  isAggregatedDiscovery,
} from '#main/control-plane/apiserver/discovery/aggregated.ts';
import {
  groupDocument,
  groupList,
  legacyVersions,
  resourceList,
} from '#main/control-plane/apiserver/discovery/documents.ts';
import {
  servedGroups,
  servedVersions,
  type ServedGroup,
  type ServedVersion,
} from '#main/control-plane/apiserver/discovery/served-groups.ts';
import { encodeValue } from '#main/control-plane/apiserver/http/encode.ts';
import { headerOf } from '#main/control-plane/apiserver/http/exchange.ts';
import { negotiate, parseAccept } from '#main/control-plane/apiserver/http/media-types.ts';
import type {
  PathAnswer,
  PathRequest,
  PathRoutes,
} from '#main/control-plane/apiserver/http/paths.ts';

export interface DiscoverySources {
  readonly catalog: Catalog;
  serverAddress(): string;
  /** What other API servers serve through this one. */
  foreign(): readonly ServedVersion[];
}

/** What discovery knows is found out again when it is told that something has changed. */
export interface DisposableDiscovery extends Disposable {
  changed(): void;
}

/** `/api`, `/apis` and what is below them, as long as it names no resource. */
export function addDiscovery(
  routes: PathRoutes,
  { catalog, serverAddress, foreign }: DiscoverySources,
): DisposableDiscovery {
  let groups: readonly ServedGroup[] | undefined;
  const current = (): readonly ServedGroup[] => (groups ??= groupsOf(catalog, foreign()));
  routes.add('/api', (request) =>
    plainOrAggregated(request, {
      groups: current().filter(({ name }) => name === ''),
      plain: () => legacyVersions(serverAddress()),
    }),
  );
  routes.add('/apis', (request) =>
    plainOrAggregated(request, {
      groups: current().filter(({ name }) => name !== ''),
      plain: () => groupList(current()),
    }),
  );
  routes.addBelow('/api/', (request) => versionDocument(request, current()));
  routes.addBelow('/apis/', (request) => groupOrVersion(request, current()));
  const changed = (): void => {
    groups = undefined;
  };
  return Object.assign(catalog.subscribe(changed), { changed });
}

function groupsOf(catalog: Catalog, foreign: readonly ServedVersion[]): readonly ServedGroup[] {
  const all = [...catalog.values()];
  const builtIn = all.filter(({ isCustom }) => !isCustom).map(({ resource }) => resource);
  const custom = all.filter(({ isCustom }) => isCustom).map(({ resource }) => resource);
  return servedGroups([
    ...servedVersions(builtIn),
    ...servedVersions(custom, { isCustom: true }),
    ...foreign,
  ]);
}

function plainOrAggregated(
  request: PathRequest,
  { groups, plain }: { readonly groups: readonly ServedGroup[]; readonly plain: () => object },
): PathAnswer {
  const [first] = parseAccept(headerOf(request.headers, 'accept') ?? '');
  const { as, g, v } = first?.parameters ?? {};
  const isJson = first?.type === 'application/json';
  if (!isJson || !isAggregatedDiscovery(as, g, v)) return answer(request, plain());
  const body = Buffer.from(`${JSON.stringify(aggregatedDiscovery(groups))}\n`);
  const etag = discoveryEtag(body);
  const headers = { etag, vary: 'Accept' };
  if (headerOf(request.headers, 'if-none-match') === etag) {
    return { code: 304, contentType: aggregatedContentType, headers, body: '' };
  }
  return { contentType: aggregatedContentType, headers, body };
}

const versionDocument: (
  request: PathRequest,
  groups: readonly ServedGroup[],
) => PathAnswer | undefined = (request, groups) => {
  const [, version, ...rest] = partsOf(request.path);
  if (rest.length > 0) return undefined;
  return documentOf(request, groups, { group: '', version: version ?? '' });
};

function groupOrVersion(
  request: PathRequest,
  groups: readonly ServedGroup[],
): PathAnswer | undefined {
  const [, name = '', version, ...rest] = partsOf(request.path);
  if (rest.length > 0 || name === '') return undefined;
  if (version !== undefined) return documentOf(request, groups, { group: name, version });
  const group = groups.find((each) => each.name === name);
  return group && answer(request, groupDocument(group));
}

function documentOf(
  request: PathRequest,
  groups: readonly ServedGroup[],
  { group, version }: { readonly group: string; readonly version: string },
): PathAnswer | undefined {
  const served = groups
    .find(({ name }) => name === group)
    ?.versions.find((each) => each.version === version);
  return served && !served.foreign ? answer(request, resourceList(served)) : undefined;
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '');
}

function answer({ headers }: PathRequest, document: object): PathAnswer {
  const representation = negotiate(headerOf(headers, 'accept'), { isFallbackJson: true });
  return { contentType: representation.contentType, body: encodeValue(document, representation) };
}
