import { endpoints as endpointsKind } from '#shared/api/core/endpoints.ts';
import { services } from '#shared/api/core/service.ts';
import { endpointSlices } from '#shared/api/discovery/endpoint-slice.ts';
import type { Endpoints } from '#shared/api/types/core-v1.ts';
import type { EndpointSlice } from '#shared/api/types/discovery-v1.ts';
import {
  cacheIndex,
  controller,
  trigger,
  type Cache,
  type ReconcileContext,
} from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { keyOf, type New } from '#shared/kube/object.ts';
import { controllerReference } from '#shared/kube/owners.ts';
import { managedBy, serviceNameLabel, triggerTime } from './endpoint-slice.ts';
import {
  groupKey,
  mirrored,
  mostMirrored,
  type Mirrored,
  type MirrorGroup,
} from './endpoints/mirror.ts';
import { identityOf, isSameBeyondIdentity } from './endpoints/slice-plan.ts';
import { isNamespaceTerminating } from './pods/pod-control.ts';
import { isEqual } from './values.ts';

const ourName = 'endpointslicemirroring-controller.k8s.io';
const skipMirror = 'endpointslice.kubernetes.io/skip-mirror';
const leaderElection = 'control-plane.alpha.kubernetes.io/leader';
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';
const notMirrored: ReadonlySet<string> = new Set([triggerTime, lastApplied]);

const isOurs = ({ metadata }: EndpointSlice): boolean => metadata.labels?.[managedBy] === ourName;

function shouldMirror({ metadata: { labels, annotations } }: Endpoints): boolean {
  return labels?.[skipMirror] !== 'true' && annotations?.[leaderElection] === undefined;
}

const hasNoSelector = (key: string, cache: Cache): boolean => {
  const service = cache.get(services, key);
  return service !== undefined && service.spec.selector === undefined;
};

/** Copies Endpoints that someone keeps by hand into EndpointSlices. */
export const endpointSliceMirroringController = controller<Endpoints>({
  name: 'endpointslicemirroring-controller',
  eventSource: 'endpoint-slice-mirroring-controller',
  watches: endpointsKind,
  indexes: [
    cacheIndex(endpointSlices, 'mirrored', (slice) => {
      const name = slice.metadata.labels?.[serviceNameLabel];
      return isOurs(slice) && name ? [keyOf({ namespace: slice.metadata.namespace, name })] : [];
    }),
  ],
  triggers: [
    trigger(services, ({ before, after }) => {
      const had = before && before.spec.selector === undefined;
      const has = after && after.spec.selector === undefined;
      return had === has ? [] : [keyOf((after ?? before)!.metadata)];
    }),
    trigger(endpointSlices, ({ before, after }) =>
      [before, after].flatMap((slice) => {
        const name = slice?.metadata.labels?.[serviceNameLabel];
        if (!slice || !name || !isOurs(slice)) return [];
        return [keyOf({ namespace: slice.metadata.namespace, name })];
      }),
    ),
  ],
  async reconcile(endpoints, context) {
    if (shouldMirror(endpoints) && hasNoSelector(context.key, context.cache))
      await mirror(endpoints, context);
    else await removeMirrored(context);
  },
  gone: removeMirrored,
});

type Place = Pick<ReconcileContext, 'cache' | 'cluster' | 'key'>;

async function removeMirrored({ cache, cluster, key }: Place): Promise<void> {
  for (const slice of cache.by(endpointSlices, 'mirrored', key)) await remove(slice, cluster);
}

async function remove(
  { metadata: { namespace, name } }: EndpointSlice,
  cluster: ReconcileContext['cluster'],
): Promise<void> {
  try {
    await cluster.delete(endpointSlices, { namespace, name });
  } catch (error) {
    if (!ApiError.is(error, 'NotFound')) throw error;
  }
}

async function mirror(endpoints: Endpoints, context: ReconcileContext): Promise<void> {
  const { cache, cluster, key } = context;
  const wanted = mirrored(endpoints.subsets ?? []);
  tellSkipped(endpoints, wanted, context);
  const existing = new Map<string, EndpointSlice[]>();
  for (const slice of cache.by(endpointSlices, 'mirrored', key)) {
    const group = groupKey(slice.addressType, slice.ports ?? []);
    existing.set(group, [...(existing.get(group) ?? []), slice]);
  }
  const create: New<EndpointSlice>[] = [];
  const extra: EndpointSlice[] = [];
  for (const [id, group] of wanted.groups) {
    const [first, ...others] = existing.get(id) ?? [];
    existing.delete(id);
    extra.push(...others);
    if (group.endpoints.length === 0) {
      if (first) extra.push(first);
    } else if (!first) create.push(sliceFor(endpoints, group));
    else if (!isCurrent(first, sliceFor(endpoints, group), endpoints))
      await replace(first, sliceFor(endpoints, group), cluster);
  }
  for (const slices of existing.values()) extra.push(...slices);
  for (const slice of create) {
    const at = extra.findIndex(({ addressType }) => addressType === slice.addressType);
    const [recycled] = at < 0 ? [] : extra.splice(at, 1);
    if (recycled) await replace(recycled, slice, cluster);
    else if (endpoints.metadata.deletionTimestamp === undefined)
      try {
        await cluster.create(endpointSlices, slice);
      } catch (error) {
        if (isNamespaceTerminating(error)) return;
        throw error;
      }
  }
  for (const slice of extra) await remove(slice, cluster);
}

async function replace(
  { metadata: { name, uid, resourceVersion } }: EndpointSlice,
  slice: New<EndpointSlice>,
  cluster: ReconcileContext['cluster'],
): Promise<void> {
  const { generateName: _, ...metadata } = slice.metadata;
  const whole = { ...slice, metadata: { ...metadata, name, uid, resourceVersion } };
  await cluster.update(endpointSlices, whole as EndpointSlice);
}

function tellSkipped(
  endpoints: Endpoints,
  { invalid, skipped }: Mirrored,
  { events }: ReconcileContext,
): void {
  if (invalid > 0) {
    const message = `Skipped ${invalid} invalid IP addresses when mirroring to EndpointSlices`;
    events.record(endpoints, 'Warning', 'InvalidIPAddress', message);
  }
  if (skipped > invalid) {
    const rule = `A max of ${mostMirrored} addresses can be mirrored to EndpointSlices per Endpoints subset.`;
    const message = `${rule} ${skipped} addresses were skipped`;
    events.record(endpoints, 'Warning', 'TooManyAddressesToMirror', message);
  }
}

function sliceFor(endpoints: Endpoints, group: MirrorGroup): New<EndpointSlice> {
  const { name, namespace, labels, annotations } = endpoints.metadata;
  const copied = Object.entries(annotations ?? {}).filter(([key]) => !notMirrored.has(key));
  return {
    metadata: {
      generateName: `${name}-`,
      namespace: namespace!,
      labels: { ...labels, [serviceNameLabel]: name, [managedBy]: ourName },
      ...(copied.length > 0 && { annotations: Object.fromEntries(copied) }),
      ownerReferences: [controllerReference(endpointsKind, endpoints)],
    },
    addressType: group.addressType,
    endpoints: group.endpoints,
    ports: group.ports,
  };
}

function isCurrent(
  { metadata, endpoints }: EndpointSlice,
  slice: New<EndpointSlice>,
  { metadata: { name, uid } }: Endpoints,
): boolean {
  const wanted = new Map((slice.endpoints ?? []).map((one) => [identityOf(one), one]));
  return (
    endpoints.length === wanted.size &&
    endpoints.every((endpoint) => {
      const same = wanted.get(identityOf(endpoint));
      return same && isSameBeyondIdentity(same, endpoint);
    }) &&
    isEqual(metadata.labels, slice.metadata.labels) &&
    isEqual(metadata.annotations ?? {}, slice.metadata.annotations ?? {}) &&
    !metadata.ownerReferences?.some(
      (owner) => owner.kind === 'Endpoints' && owner.name === name && owner.uid !== uid,
    )
  );
}
