import { computed, type ComputedRef } from 'vue';
import { useKinds, type Kind } from './kinds.ts';
import { usePlace } from './place.ts';
import { sections, type Section } from './sections.ts';

export interface Shown {
  readonly section: ComputedRef<Section>;
  /** The kinds that have a list in the section. */
  readonly kindsHere: ComputedRef<readonly Kind[]>;
  /** Whose list is shown; undefined where the section is a page of its own. */
  readonly kind: ComputedRef<Kind | undefined>;
}

/** What the place means with the kinds that the cluster serves. */
export function useShown(): Shown {
  const kinds = useKinds();
  const place = usePlace();
  const section = computed(() => sections.find(({ id }) => id === place.section) ?? sections[0]!);
  const kindsHere = computed((): readonly Kind[] => {
    const listed = section.value.kinds.flatMap((id) => kinds.byId.get(id) ?? []);
    return section.value.id === 'custom' ? [...listed, ...kinds.kinds.filter(isCustom)] : listed;
  });
  const kind = computed(() => kinds.byId.get(place.kind) ?? kindsHere.value[0]);
  return { section, kindsHere, kind };
}

/** Built-in groups have no dot in their name or end in k8s.io; CRDs must be anything else. */
function isCustom({ group }: Kind): boolean {
  return group.includes('.') && !group.endsWith('.k8s.io');
}
