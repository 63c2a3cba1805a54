import type { KubeList, KubeObject } from '#shared/kube/object.ts';
import { parseKey } from '#shared/kube/object.ts';
import type { App } from '../../app/connection.ts';
import { kindId, type Kind } from '../../app/kinds.ts';

/** Kinds whose objects go with their owner, by the kind that owns them. */
const ownedKinds: Readonly<Record<string, readonly string[]>> = {
  'deployments.apps': ['replicasets.apps'],
  'replicasets.apps': ['pods'],
  'statefulsets.apps': ['pods'],
  'daemonsets.apps': ['pods'],
  'jobs.batch': ['pods'],
  'cronjobs.batch': ['jobs.batch'],
  replicationcontrollers: ['pods'],
  services: ['endpointslices.discovery.k8s.io'],
};

/** What people should know before objects of these kinds go, beside what they own. */
const warnings: Readonly<Record<string, string>> = {
  namespaces: 'Everything in them goes, too.',
  nodes: 'Their pods are removed from the cluster.',
  persistentvolumeclaims: 'Volumes with the policy Delete go with their data.',
  'customresourcedefinitions.apiextensions.k8s.io': 'All their custom resources go, too.',
};

export interface Consequence {
  readonly kind: Kind;
  /** `namespace/name`. */
  readonly keys: readonly string[];
}

/** Lists the metadata of all objects of a kind. */
export type ListAll = (kind: Kind) => Promise<readonly KubeObject[]>;

export function warningOf(kind: Kind): string | undefined {
  return warnings[kindId(kind)];
}

/** What the garbage collector takes along, from owner to owned. */
export async function consequencesOf(
  { kind, uids }: { readonly kind: Kind; readonly uids: ReadonlySet<string> },
  { kinds, list }: { readonly kinds: ReadonlyMap<string, Kind>; readonly list: ListAll },
): Promise<readonly Consequence[]> {
  const found: Consequence[] = [];
  for (const id of ownedKinds[kindId(kind)] ?? []) {
    const owned = kinds.get(id);
    if (!owned) continue;
    const going = (await list(owned)).filter(({ metadata }) => losesAllOwners(metadata, uids));
    if (going.length === 0) continue;
    const keys = going.map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name}`);
    const next = new Set(going.map(({ metadata }) => metadata.uid));
    found.push({ kind: owned, keys: keys.toSorted() });
    found.push(...(await consequencesOf({ kind: owned, uids: next }, { kinds, list })));
  }
  return found;
}

/** An object stays as long as one of its owners does. */
function losesAllOwners(
  { ownerReferences = [] }: KubeObject['metadata'],
  uids: ReadonlySet<string>,
): boolean {
  return ownerReferences.length > 0 && ownerReferences.every(({ uid }) => uids.has(uid));
}

export function listingWith(app: App): ListAll {
  return async ({ group, version, plural }) => {
    const list = (await app.request({
      verb: 'list',
      group,
      version,
      plural,
    })) as KubeList;
    return list.items;
  };
}

/** Deletes one after another; returns what each failure said. */
export async function deleteAll(
  app: App,
  { group, version, plural }: Kind,
  keys: readonly string[],
): Promise<readonly string[]> {
  const failures: string[] = [];
  for (const key of keys) {
    const { namespace, name } = parseKey(key);
    try {
      await app.request({
        verb: 'delete',
        group,
        version,
        plural,
        ...(namespace !== undefined && { namespace }),
        name,
        body: { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background' },
      });
    } catch (error) {
      failures.push(`${key}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return failures;
}
