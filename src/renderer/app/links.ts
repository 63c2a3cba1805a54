import { kindId, type Kind } from './kinds.ts';
import { usePlace } from './place.ts';
import { sections } from './sections.ts';

/** Where the window shows the objects of a kind. */
export function sectionOf(kind: Pick<Kind, 'group' | 'plural'>): string {
  const id = kindId(kind);
  return sections.find(({ kinds }) => kinds.includes(id))?.id ?? 'custom';
}

/** Shows an object: its list, with the panel open on it. */
export function openObject(kind: Pick<Kind, 'group' | 'plural'>, key: string): void {
  usePlace().go({ section: sectionOf(kind), kind: kindId(kind), object: key });
}
