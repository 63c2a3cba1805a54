import { createHash } from 'node:crypto';
import {
  foreignGroupVersion,
  shownVerbs,
} from '#main/control-plane/apiserver/discovery/documents.ts';
import type {
  ForeignResource,
  ServedGroup,
  ServedVersion,
} from '#main/control-plane/apiserver/discovery/served-groups.ts';
import type { Resource } from '#shared/kube/resource.ts';

interface VersionDiscovery {
  readonly version: string;
  readonly resources: readonly ForeignResource[];
  readonly freshness: 'Current' | 'Stale';
}

interface GroupDiscovery {
  readonly metadata: { readonly name?: string };
  readonly versions: readonly VersionDiscovery[];
}

export interface GroupDiscoveryList {
  readonly kind: 'APIGroupDiscoveryList';
  readonly apiVersion: 'apidiscovery.k8s.io/v2';
  readonly metadata: Readonly<Record<string, never>>;
  readonly items: readonly GroupDiscovery[];
}

/** The content type of the answer; clients ask for it with the same parameters. */
export const aggregatedContentType =
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** `v2beta1` is no longer served in v1.36: who asks for it falls back to the plain documents. */
export function isAggregatedDiscovery(
  as: string | undefined,
  group: string | undefined,
  version: string | undefined,
): boolean {
  return as === 'APIGroupDiscoveryList' && group === 'apidiscovery.k8s.io' && version === 'v2';
}

/** What `/api` (the legacy group) and `/apis` (all others) answer to who asks for everything at once. */
export function aggregatedDiscovery(groups: readonly ServedGroup[]): GroupDiscoveryList {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map(({ name, versions }) => ({
      metadata: name ? { name } : {},
      versions: versions.map(describedVersion),
    })),
  };
}

/** With the quotes of the header, over the bytes that are sent. */
export function discoveryEtag(body: Uint8Array): string {
  return `"${createHash('sha512').update(body).digest('hex').toUpperCase()}"`;
}

function describedVersion(served: ServedVersion): VersionDiscovery {
  const { version, resources, isStale } = served;
  const shown = served.isCustom
    ? resources.toSorted((a, b) => (a.plural < b.plural ? -1 : 1))
    : resources;
  return {
    version,
    resources: served.foreign ?? shown.map((resource) => describedResource(resource, served)),
    freshness: isStale ? 'Stale' : 'Current',
  };
}

function describedResource(resource: Resource, served: ServedVersion): ForeignResource {
  const { plural, kind, scope, singular, shortNames, categories, subresources } = resource;
  const own = served.isCustom
    ? { group: served.group, version: served.version }
    : { group: '', version: '' };
  return {
    resource: plural,
    responseKind: { ...own, kind },
    scope,
    singularResource: singular,
    verbs: shownVerbs(resource, served),
    ...(shortNames?.length && { shortNames }),
    ...(categories?.length && { categories }),
    ...(subresources?.length && {
      subresources: subresources.map((subresource) => ({
        subresource: subresource.name,
        responseKind: {
          ...own,
          ...foreignGroupVersion(subresource),
          kind: subresource.kind,
        },
        verbs: subresource.verbs,
      })),
    }),
  };
}
