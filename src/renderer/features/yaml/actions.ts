import { systemClock } from '#shared/base/system-clock.ts';
import { useDock } from '../../app/dock.ts';
import { kindId, type Kind } from '../../app/kinds.ts';
import { useSchemas } from './schemas.ts';
import { skeletonOf, templates } from './templates.ts';

const comfortableHeight = 420;

/** Opens the object's YAML in the dock. */
export function editYaml(kind: Kind, key: string): void {
  const name = key.split('/').at(-1)!;
  useDock().open({
    kind: 'yaml',
    title: `yaml ${name}`,
    props: { kind: kindId(kind), object: key },
    height: comfortableHeight,
  });
}

/** Opens a manifest of one's own that begins with this. */
export function newManifest(text: string): void {
  useDock().open({
    kind: 'yaml',
    title: 'yaml new',
    props: { draft: `new ${systemClock.now()}`, text },
    height: comfortableHeight,
  });
}

/** Opens a manifest for a new object of the kind: a template, or what its schema requires. */
export async function newObject(kind: Kind): Promise<void> {
  const template = templates.find(({ title }) => title === kind.kind);
  if (template) return newManifest(template.text);
  const { group, version, isNamespaced } = kind;
  const apiVersion = group ? `${group}/${version}` : version;
  const rooted = await useSchemas().rootedOf(apiVersion, kind.kind);
  newManifest(skeletonOf({ apiVersion, kind: kind.kind }, { rooted, isNamespaced }));
}
