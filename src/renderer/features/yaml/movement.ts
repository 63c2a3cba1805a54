import type { KubeObject } from '#shared/kube/object.ts';
import type { ManagedFieldsEntry } from '#shared/kube/types/meta-v1.ts';

export interface Mover {
  readonly manager: string;
  /** RFC 3339; '' where the server does not say. */
  readonly at: string;
}

/** Who changed the object last since it was `base`, the status aside. */
export function moverOf(base: KubeObject, now: KubeObject): Mover {
  const before = new Set(entriesOf(base).map((entry) => JSON.stringify(entry)));
  const [latest] = entriesOf(now)
    .filter((entry) => !before.has(JSON.stringify(entry)))
    .toSorted((a, b) => (b.time ?? '').localeCompare(a.time ?? ''));
  return { manager: latest?.manager ?? 'somebody', at: latest?.time ?? '' };
}

function entriesOf({ metadata }: KubeObject): readonly ManagedFieldsEntry[] {
  return (metadata.managedFields ?? []).filter(({ subresource }) => subresource !== 'status');
}
