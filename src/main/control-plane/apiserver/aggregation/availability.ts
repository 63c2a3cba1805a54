import { endpointSlices } from '#shared/api/discovery/endpoint-slice.ts';
import { services } from '#shared/api/core/service.ts';
import type { APIService } from '#shared/api/types/apiregistration-v1.ts';
import type { ObjectCache } from '#main/control-plane/apiserver/object-cache.ts';

/** Whether an API server can be asked, and if not, why. */
export interface Availability {
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

export const available: Availability = {
  status: 'True',
  reason: 'Passed',
  message: 'all checks passed',
};

const unavailable = (reason: string, message: string): Availability => ({
  status: 'False',
  reason,
  message,
});

/** What stands in the way before anybody has been asked; nothing if the service leads somewhere. */
export function serviceProblem(
  { service }: APIService['spec'],
  objects: ObjectCache,
): Availability | undefined {
  const { name = '', namespace = '', port = 443 } = service ?? {};
  const where = `service/${name} in ${JSON.stringify(namespace)}`;
  const found = objects.get(services, { namespace, name });
  if (!found) return unavailable('ServiceNotFound', `${where} is not present`);
  if (found.spec?.type !== undefined && found.spec.type !== 'ClusterIP') return undefined;
  const own = found.spec?.ports?.find((each) => each.port === port);
  if (!own) return unavailable('ServicePortError', `${where} is not listening on port ${port}`);
  const slices = [...objects.list(endpointSlices, namespace)].filter(
    ({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === name,
  );
  if (slices.length === 0) {
    return unavailable('EndpointsNotFound', `cannot find endpointslices for ${where}`);
  }
  const isReady = slices.some(
    ({ ports, endpoints }) =>
      ports?.some((each) => (each.name ?? '') === (own.name ?? '')) &&
      endpoints?.some(({ conditions }) => conditions?.ready !== false),
  );
  if (isReady) return undefined;
  return unavailable(
    'MissingEndpoints',
    `endpoints for ${where} have no addresses with port name ${JSON.stringify(own.name ?? '')}`,
  );
}

export function failedDiscovery(url: string, why: string): Availability {
  return unavailable('FailedDiscoveryCheck', `failing or missing response from ${url}: ${why}`);
}
