import type { TokenReview } from '#shared/api/types/authentication-v1.ts';
import type { SubjectAccessReview } from '#shared/api/types/authorization-v1.ts';
import type { CertificateSigningRequest } from '#shared/api/types/certificates-v1.ts';
import type { Lease } from '#shared/api/types/coordination-v1.ts';
import type {
  ConfigMap,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  Secret,
  Service,
  ServiceAccount,
} from '#shared/api/types/core-v1.ts';
import type { EndpointSlice } from '#shared/api/types/discovery-v1.ts';
import type { NetworkPolicy } from '#shared/api/types/networking-v1.ts';
import type { RuntimeClass } from '#shared/api/types/node-v1.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import { resource, type Resource } from '#shared/kube/resource.ts';

/**
 * The kinds that an agent asks for, with what a client needs to know of them and no more: their rules,
 * which the API server keeps, would fill a third of the agent's memory.
 */

export const configMaps = kind<ConfigMap>('core', 'ConfigMap');
export const namespaces = kind<Namespace>('core', 'Namespace', { scope: 'Cluster' });
export const nodes = kind<Node>('core', 'Node', { scope: 'Cluster' });
export const persistentVolumeClaims = kind<PersistentVolumeClaim>('core', 'PersistentVolumeClaim');
export const persistentVolumes = kind<PersistentVolume>('core', 'PersistentVolume', {
  scope: 'Cluster',
});
export const pods = kind<Pod>('core', 'Pod');
export const secrets = kind<Secret>('core', 'Secret');
export const serviceAccounts = kind<ServiceAccount>('core', 'ServiceAccount');
export const services = kind<Service>('core', 'Service');
export const certificateSigningRequests = kind<CertificateSigningRequest>(
  'certificates',
  'CertificateSigningRequest',
  { scope: 'Cluster' },
);
export const endpointSlices = kind<EndpointSlice>('discovery', 'EndpointSlice');
export const leases = kind<Lease>('coordination', 'Lease');
export const networkPolicies = kind<NetworkPolicy>('networking', 'NetworkPolicy', {
  plural: 'networkpolicies',
});
export const runtimeClasses = kind<RuntimeClass>('node', 'RuntimeClass', {
  plural: 'runtimeclasses',
  scope: 'Cluster',
});
export const subjectAccessReviews = kind<SubjectAccessReview>(
  'authorization',
  'SubjectAccessReview',
  { scope: 'Cluster' },
);
export const tokenReviews = kind<TokenReview>('authentication', 'TokenReview', {
  scope: 'Cluster',
});

function kind<T extends KubeObject>(
  group: string,
  name: string,
  { plural, scope = 'Namespaced' }: Partial<Pick<Resource, 'plural' | 'scope'>> = {},
): Resource<T> {
  const singular = name.toLowerCase();
  return resource<T>({
    group: group === 'core' ? '' : `${group}.k8s.io`,
    version: 'v1',
    kind: name,
    plural: plural ?? `${singular}s`,
    singular,
    scope,
    type: `${group}.v1.${name}`,
  });
}
