import { compareValues } from '#shared/kube/managed-fields/compare.ts';
import { complaintsAbout, fieldsIn } from '#shared/kube/managed-fields/configuration.ts';
import { difference, type FieldSet } from '#shared/kube/managed-fields/field-set.ts';
import type { OwnedEndpoint } from '#shared/kube/managed-fields/update.ts';
import { isRecord, type JsonObject } from '#shared/kube/managed-fields/values.ts';

const annotation = 'kubectl.kubernetes.io/last-applied-configuration';
const maxAnnotationBytes = 256 * 1024;

/**
 * The fields that kubectl's client-side apply set and that are still as it set them: its first
 * server-side apply may take them over. Nothing when there is no such annotation that fits.
 */
export function allowedByLastApplied(
  { schema, apiVersion }: OwnedEndpoint,
  live: JsonObject,
): FieldSet | undefined {
  const config = parse(lastAppliedOf(live));
  if (!isRecord(config) || config['apiVersion'] !== apiVersion) return undefined;
  if (complaintsAbout(schema, config) || complaintsAbout(schema, live)) return undefined;
  const comparison = compareValues(schema, config, live);
  const unchanged = difference(fieldsIn(schema, config), comparison?.changed);
  return difference(unchanged, comparison?.removed);
}

function lastAppliedOf(object: JsonObject): string | undefined {
  const metadata = isRecord(object['metadata']) ? object['metadata'] : {};
  const annotations = isRecord(metadata['annotations']) ? metadata['annotations'] : {};
  const value = annotations[annotation];
  return typeof value === 'string' && value ? value : undefined;
}

function parse(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // an annotation is anybody's text; one that is no JSON allows nothing
  }
}

/** Keeps the annotation of an object that has one in step with what kubectl applies server-side. */
export function withLastApplied(object: JsonObject, config: JsonObject): JsonObject {
  if (!lastAppliedOf(object)) return object;
  const metadata = object['metadata'] as JsonObject;
  const annotations: Record<string, unknown> = {
    ...(metadata['annotations'] as JsonObject),
    [annotation]: goEncode(withoutAnnotation(config)),
  };
  if (bytesOf(annotations) > maxAnnotationBytes) delete annotations[annotation];
  return { ...object, metadata: { ...metadata, annotations } };
}

function withoutAnnotation(config: JsonObject): JsonObject {
  const metadata = config['metadata'];
  if (!isRecord(metadata) || !isRecord(metadata['annotations'])) return config;
  const { [annotation]: _, ...annotations } = metadata['annotations'];
  return { ...config, metadata: { ...metadata, annotations } };
}

/** JSON as Go's encoder writes it: keys sorted, HTML escaped, a line feed at the end. */
function goEncode(config: JsonObject): string {
  const escaped = JSON.stringify(sorted(config)).replace(
    /[<>&\u2028\u2029]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `${escaped}\n`;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, sorted(value[name])]),
  );
}

function bytesOf(annotations: Readonly<Record<string, unknown>>): number {
  const encoder = new TextEncoder();
  return Object.entries(annotations).reduce(
    (sum, [key, value]) => sum + encoder.encode(key).length + encoder.encode(String(value)).length,
    0,
  );
}
