import type { HttpTransport } from '#shared/client/http-transport.ts';
import type { ApiRequest } from '#shared/client/transport.ts';
import type { ObjectResult } from '#shared/contract/snapshots.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import type { ObjectPair } from './compare.ts';

/** What the server gives an object itself, so that an object made again must not bring it. */
const givenByServer = [
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generation',
  'managedFields',
  'selfLink',
];

type Owner = NonNullable<KubeObject['metadata']['ownerReferences']>[number];

/** Those that others need come first: namespaces, definitions, owners. */
export function inOrder(pairs: readonly ObjectPair[]): readonly ObjectPair[] {
  const rank = ({ past }: ObjectPair): number => {
    const object = past as KubeObject | undefined;
    if (object?.kind === 'Namespace' || object?.kind === 'CustomResourceDefinition') return 0;
    return object?.metadata.ownerReferences ? 2 : 1;
  };
  return pairs.toSorted((a, b) => rank(a) - rank(b));
}

/**
 * Makes one object what it was: created again, changed back or deleted, through the API and its
 * rules like any edit. What the server says against it is the result's problem.
 */
export async function restoreObject(
  api: HttpTransport,
  { key, past, now }: ObjectPair,
  { dryRun }: { readonly dryRun: boolean },
): Promise<ObjectResult> {
  const [before, after] = [past as KubeObject | undefined, now as KubeObject | undefined];
  const object = before ?? after;
  const action = before && after ? 'change' : before ? 'create' : 'delete';
  if (!object?.apiVersion)
    return {
      key,
      action: 'none',
      problem: 'It is stored in a form that cannot be read here; restore the whole cluster instead',
    };
  try {
    const resource = await resourceOf(api, object);
    const { namespace, name } = object.metadata;
    const target = { resource, namespace, name, ...(dryRun && { query: { dryRun: 'All' } }) };
    if (action === 'delete') await api.request({ ...target, verb: 'delete' });
    else if (action === 'create')
      await api.request({ ...target, verb: 'create', body: await created(api, object) });
    else await change(api, target, object);
    return { key, action };
  } catch (error) {
    return { key, action, problem: error instanceof Error ? error.message : String(error) };
  }
}

type Target = Pick<ApiRequest, 'resource' | 'namespace' | 'name' | 'query'>;

/** On what is there at this moment, whatever its version: the snapshot's content wins. */
async function change(api: HttpTransport, target: Target, before: KubeObject): Promise<void> {
  const live = (await api.request({ ...target, query: {}, verb: 'get' })) as KubeObject;
  const { uid, resourceVersion, creationTimestamp } = live.metadata;
  const restored = await created(api, before);
  const metadata = { ...restored.metadata, uid, resourceVersion, creationTimestamp };
  await api.request({ ...target, verb: 'update', body: { ...restored, metadata } });
}

async function created(api: HttpTransport, object: KubeObject): Promise<KubeObject> {
  const { ownerReferences, ...others } = object.metadata;
  const kept = Object.fromEntries(
    Object.entries(others).filter(([field]) => !givenByServer.includes(field)),
  ) as unknown as KubeObject['metadata'];
  const owners = await ownersNow(api, ownerReferences ?? [], object.metadata.namespace);
  return {
    ...object,
    metadata: { ...kept, ...(owners.length > 0 && { ownerReferences: owners }) },
  };
}

/** An owner that was made again has another uid, and one that is gone would take its own along. */
async function ownersNow(
  api: HttpTransport,
  owners: readonly Owner[],
  namespace: string | undefined,
): Promise<readonly Owner[]> {
  const found: Owner[] = [];
  for (const owner of owners) {
    try {
      const { apiVersion, kind, name } = owner;
      const resource = await resourceOf(api, { apiVersion, kind });
      const live = (await api.request({ verb: 'get', resource, namespace, name })) as KubeObject;
      found.push({ ...owner, uid: live.metadata.uid });
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
    }
  }
  return found;
}

interface Discovered {
  readonly resources: readonly { readonly name: string; readonly kind: string }[];
}

async function resourceOf(
  api: HttpTransport,
  { apiVersion, kind }: { readonly apiVersion: string; readonly kind: string },
): Promise<ApiRequest['resource']> {
  const [version = '', group = ''] = apiVersion.split('/').toReversed();
  const path = group ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const { resources } = (await api.get(path)) as Discovered;
  const found = resources.find((each) => each.kind === kind && !each.name.includes('/'));
  if (found) return { group, version, plural: found.name };
  throw new ApiError(
    'NotFound',
    `This cluster serves no ${kind} of ${apiVersion} now; restore its definition first`,
  );
}
