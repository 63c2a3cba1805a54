import { alreadyExists, conflict, notFound } from '#shared/kube/errors.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import type { KubeObject, New, ObjectKey } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';
import type { MemoryObjectCache } from './object-cache.ts';

/** The writing verbs of a cluster, on objects that a test holds; nothing is defaulted or validated. */
export function memoryCluster(
  objects: MemoryObjectCache,
): Pick<Cluster, 'get' | 'create' | 'update' | 'delete'> & { readonly writes: string[] } {
  const writes: string[] = [];
  const find = <T extends KubeObject>(resource: Resource<T>, key: ObjectKey): T => {
    const found = objects.get(resource, key);
    if (!found) throw notFound(resource, key.name);
    return found;
  };
  return {
    writes,
    async get(resource, key) {
      return find(resource, key);
    },
    async create<T extends KubeObject>(resource: Resource<T>, object: New<T>) {
      const { name = '', namespace } = object.metadata;
      if (objects.get(resource, { name, namespace })) throw alreadyExists(resource, name);
      writes.push(`create ${resource.plural} ${name}`);
      return objects.put(resource, object);
    },
    async update<T extends KubeObject>(resource: Resource<T>, object: T) {
      const { name, resourceVersion } = object.metadata;
      const found = find(resource, object.metadata);
      if (found.metadata.resourceVersion !== resourceVersion)
        throw conflict(resource, name, 'the object has been modified');
      writes.push(`update ${resource.plural} ${name}`);
      return objects.put(resource, object as KubeObject as New<T>);
    },
    async delete(resource, key) {
      const found = find(resource, key);
      writes.push(`delete ${resource.plural} ${key.name}`);
      objects.remove(resource, key);
      return found;
    },
  };
}
