import { keyOf } from '#shared/kube/object.ts';
import { isMapValue, type MapValue } from './field-path.ts';
import { isEmptyDocument, parseDocuments, spanOf } from './language/documents.ts';

/** One object that a text describes. */
export interface ManifestObject {
  /** Which document of the text. */
  readonly index: number;
  readonly value: MapValue;
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** As written; '' where nothing is. */
  readonly namespace: string;
  readonly from: number;
}

export interface Manifest {
  readonly objects: readonly ManifestObject[];
  /** Not every document could be read: nothing can be applied. */
  readonly isBroken: boolean;
}

/** The objects of a text, in its order. */
export function readManifest(text: string): Manifest {
  let isBroken = false;
  const objects: ManifestObject[] = [];
  for (const [index, document] of parseDocuments(text).entries()) {
    if (isEmptyDocument(document)) continue;
    const value: unknown = document.errors.length === 0 ? document.toJS() : undefined;
    const metadata = isMapValue(value) && isMapValue(value['metadata']) ? value['metadata'] : {};
    const object = isMapValue(value) && {
      index,
      value,
      apiVersion: textOf(value['apiVersion']),
      kind: textOf(value['kind']),
      name: textOf(metadata['name']),
      namespace: textOf(metadata['namespace']),
      from: spanOf(document)[0],
    };
    if (object && object.apiVersion && object.kind) objects.push(object);
    else isBroken = true;
  }
  return { objects, isBroken };
}

export function titleOf({ kind, namespace, name }: ManifestObject): string {
  return `${kind} ${keyOf({ namespace, name })}`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
