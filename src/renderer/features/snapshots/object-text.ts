import { stringify } from 'yaml';

const first = ['apiVersion', 'kind', 'metadata', 'spec', 'status'];

/** An object as YAML for comparing: keys in one order, without what every write leaves behind. */
export function objectText(object: unknown): string {
  if (typeof object !== 'object' || object === null) return '';
  const { metadata, ...rest } = object as { readonly metadata?: Readonly<Record<string, unknown>> };
  const { managedFields: _managed, resourceVersion: _version, ...kept } = metadata ?? {};
  return stringify(
    { ...rest, ...(metadata && { metadata: kept }) },
    { lineWidth: 0, sortMapEntries: ({ key: a }, { key: b }) => rank(a) - rank(b) || order(a, b) },
  );
}

function rank(key: unknown): number {
  const at = first.indexOf(nameOf(key));
  return at < 0 ? first.length : at;
}

function order(a: unknown, b: unknown): number {
  return nameOf(a) < nameOf(b) ? -1 : 1;
}

/** The library hands over its nodes of keys. */
function nameOf(key: unknown): string {
  if (typeof key === 'object' && key !== null && 'value' in key) return String(key.value);
  return String(key);
}
