import { typeData, typeNames } from '#shared/api/schema/type-data.ts';

const byKind = new Map<string, string>();
for (const name of typeNames) for (const kind of typeData(name).gvk ?? []) byKind.set(kind, name);
for (const version of ['v1', 'v1beta1']) {
  for (const kind of ['PartialObjectMetadata', 'PartialObjectMetadataList']) {
    byKind.set(`meta.k8s.io/${version}/${kind}`, `meta.v1.${kind}`);
  }
}

/** The schema's name of a kind, such as `core.v1.Pod`; nothing for kinds that have no such shape. */
export function typeNameOf(apiVersion: string, kind: string): string | undefined {
  return byKind.get(`${apiVersion}/${kind}`);
}
