import type { ServedResource } from '#main/control-plane/apiserver/catalog.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import { groupVersionOf } from '#shared/kube/resource.ts';

const initialEventsEnd = { 'k8s.io/initial-events-end': 'true' };

/** An object of the kind that carries nothing but how far the watch has come. */
export function bookmarkObject(
  { resource }: ServedResource,
  revision: number,
  endsInitialEvents: boolean,
): KubeObject {
  const metadata = {
    resourceVersion: String(revision),
    ...(endsInitialEvents && { annotations: initialEventsEnd }),
  };
  return {
    kind: resource.kind,
    apiVersion: groupVersionOf(resource),
    metadata: metadata as unknown as KubeObject['metadata'],
  };
}
