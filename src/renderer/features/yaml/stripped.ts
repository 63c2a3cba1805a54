import type { KubeObject } from '#shared/kube/object.ts';
import type { MapValue } from './field-path.ts';

/** What the server keeps for itself. */
const serverOwned = [
  'managedFields',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'selfLink',
];

/** An object as people edit it: without status and what only the server may set. */
export function stripped(object: KubeObject): MapValue {
  const { status: _status, ...rest } = object as KubeObject & { readonly status?: unknown };
  const metadata = Object.fromEntries(
    Object.entries(object.metadata).filter(([name]) => !serverOwned.includes(name)),
  );
  const { apiVersion, kind, metadata: _metadata, ...others } = rest;
  return { apiVersion, kind, metadata, ...others };
}
