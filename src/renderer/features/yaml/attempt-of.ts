import { keyOf } from '#shared/kube/object.ts';
import { useKinds } from '../../app/kinds.ts';
import { usePlace } from '../../app/place.ts';
import type { Attempt } from './apply.ts';
import type { ManifestObject } from './manifest.ts';
import type { ManifestState } from './manifest-state.ts';
import { useSchemas } from './schemas.ts';
import { stripped } from './stripped.ts';

/** What to ask of the server for one document; a sentence where that cannot be said. */
export async function attemptOf(
  { base, takenOver }: ManifestState,
  { value, apiVersion, kind: kindName, name, namespace: written, index }: ManifestObject,
): Promise<Attempt | string> {
  const kinds = useKinds();
  const kind = kinds.named(apiVersion, kindName);
  if (!kind) return `This cluster serves no ${kindName} in ${apiVersion}`;
  if (name === '') return `${kindName} needs a name: metadata.name is empty`;
  const namespace = kind.isNamespaced ? written || usePlace().namespace || 'default' : undefined;
  const edited = base.value;
  const isEdited =
    edited?.kind === kindName &&
    kinds.named(edited.apiVersion, edited.kind) === kind &&
    keyOf(edited.metadata) === keyOf({ namespace, name });
  return {
    kind,
    version: apiVersion.split('/').at(-1)!,
    value,
    name,
    namespace,
    base: isEdited ? stripped(edited) : undefined,
    takeOver: new Set(
      [...takenOver.value]
        .filter((each) => each.startsWith(`${index} `))
        .map((each) => each.slice(`${index} `.length)),
    ),
    rooted: await useSchemas().rootedOf(apiVersion, kindName),
  };
}
