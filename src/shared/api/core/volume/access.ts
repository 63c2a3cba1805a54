/** Access modes in kubectl's short form, in the order of how much they allow. */
const short = [
  ['ReadWriteOnce', 'RWO'],
  ['ReadOnlyMany', 'ROX'],
  ['ReadWriteMany', 'RWX'],
  ['ReadWriteOncePod', 'RWOP'],
] as const;

export const classAnnotation = 'volume.beta.kubernetes.io/storage-class';

export function formatAccessModes(modes: readonly string[] | undefined): string {
  return short
    .filter(([mode]) => modes?.includes(mode))
    .map(([, text]) => text)
    .join(',');
}

/** The class that an object says, or said in an annotation before there was a field. */
export function storageClassOf({
  metadata,
  spec,
}: {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly storageClassName?: string };
}): string {
  return metadata.annotations?.[classAnnotation] ?? spec.storageClassName ?? '';
}
