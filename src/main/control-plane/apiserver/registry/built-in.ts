import { adoptDefinition } from '#main/control-plane/apiserver/custom-resources/adopt.ts';
import type { ServedResource } from '#main/control-plane/apiserver/catalog.ts';
import { builtInCodec } from '#main/control-plane/apiserver/registry/built-in-codec.ts';
import { restOf } from '#main/control-plane/apiserver/registry/rests.ts';
import { objectForm, type ObjectForm } from '#main/control-plane/apiserver/storage/entry.ts';
import type { WatchCache } from '#main/control-plane/apiserver/storage/watch-cache.ts';
import { conversionOf } from '#main/control-plane/apiserver/registry/conversion.ts';
import { groupVersionOf, type Resource } from '#shared/kube/resource.ts';

/** Events end by themselves after an hour, as with upstream's --event-ttl. */
const eventTtlSeconds = 3600;

/** Gives every kind its place in the watch cache and whatever else it needs to be served. */
export function* builtInResources(
  resources: readonly Resource[],
  watchCache: WatchCache,
): Iterable<ServedResource> {
  for (const resource of resources) {
    const common = { resource, codec: builtInCodec(resource), rest: restOf(resource) };
    if (!resource.storage) {
      yield {
        ...common,
        form: objectForm(groupVersionOf(resource), resource.kind),
        cache: undefined,
      };
      continue;
    }
    const { prefix } = resource.storage;
    const stored = storedResource(resource, resources);
    const cache = watchCache.add(prefix, objectForm(groupVersionOf(stored), resource.kind), {
      isNamespaced: resource.scope === 'Namespaced',
      ttlSeconds: prefix === '/registry/events' ? eventTtlSeconds : undefined,
      messageType: stored.type,
      ...(resource.plural === 'customresourcedefinitions' && { adopt: adoptDefinition }),
    });
    const served = servedForm(resource, cache.form);
    const toStored = served === cache.form ? undefined : conversionOf(resource).toStored;
    yield { ...common, form: served, cache, ...(toStored && { toStored }) };
  }
}

/** Upstream's storage version where it is served too: only then somebody knows how to convert. */
function storedResource(resource: Resource, resources: readonly Resource[]): Resource {
  const { prefix, groupVersion } = resource.storage!;
  const stored = resources.find(
    (other) => other.storage?.prefix === prefix && groupVersionOf(other) === groupVersion,
  );
  return stored ?? resource;
}

function servedForm(resource: Resource, stored: ObjectForm): ObjectForm {
  const groupVersion = groupVersionOf(resource);
  if (stored.apiVersion === groupVersion) return stored;
  return objectForm(groupVersion, resource.kind, { convert: conversionOf(resource).toServed });
}
