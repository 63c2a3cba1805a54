import type { Container, Pod, ResourceFieldSelector } from '#shared/api/types/core-v1.ts';
import { mustParse } from '#shared/kube/quantity.ts';
import { allContainers } from '../pods/pod-containers.ts';

/** What a pod may be told of itself besides what its object says. */
export interface PodAddresses {
  readonly podIps: readonly string[];
  readonly hostIps: readonly string[];
}

const keyed = /^metadata\.(labels|annotations)\['(.*)'\]$/;

/** The value that a field path of the downward API names. Throws for a path that it does not know. */
export function fieldValue(pod: Pod, path: string, { podIps, hostIps }: PodAddresses): string {
  const { metadata, spec } = pod;
  const [, map, key] = keyed.exec(path) ?? [];
  if (map === 'labels') return metadata.labels?.[key ?? ''] ?? '';
  if (map === 'annotations') return metadata.annotations?.[key ?? ''] ?? '';
  switch (path) {
    case 'metadata.name':
      return metadata.name;
    case 'metadata.namespace':
      return metadata.namespace ?? '';
    case 'metadata.uid':
      return metadata.uid;
    case 'metadata.labels':
      return formatMap(metadata.labels);
    case 'metadata.annotations':
      return formatMap(metadata.annotations);
    case 'spec.nodeName':
      return spec.nodeName ?? '';
    case 'spec.serviceAccountName':
      return spec.serviceAccountName ?? '';
    case 'status.hostIP':
      return hostIps[0] ?? '';
    case 'status.hostIPs':
      return hostIps.join(',');
    case 'status.podIP':
      return podIps[0] ?? '';
    case 'status.podIPs':
      return podIps.join(',');
    default:
      throw new Error(`unsupported fieldPath: ${path}`);
  }
}

/** A line for each, sorted, with the value as Go quotes it. */
function formatMap(map: Readonly<Record<string, string>> = {}): string {
  return Object.keys(map)
    .sort()
    .map((key) => `${key}=${JSON.stringify(map[key])}`)
    .join('\n');
}

export type Capacity = Readonly<Record<string, string>>;

/** A resource of a container in units of the divisor, rounded up; what is not limited is the node's. */
export function resourceValue(
  pod: Pod,
  own: Container,
  { containerName, resource, divisor }: ResourceFieldSelector,
  allocatable: Capacity,
): string {
  const container =
    containerName === undefined || containerName === ''
      ? own
      : allContainers(pod).find((one) => one.container.name === containerName)?.container;
  if (!container) throw new Error(`container ${containerName} not found`);
  const [kind = '', ...rest] = resource.split('.');
  const name = rest.join('.');
  const { requests = {}, limits = {} } = container.resources;
  const podLimits = pod.spec.resources?.limits ?? {};
  const text =
    kind === 'limits' ? (limits[name] ?? podLimits[name] ?? allocatable[name]) : requests[name];
  const unit = divisor === undefined || divisor === '0' ? '1' : divisor;
  const amount = mustParse(text ?? '0').nanos;
  const per = mustParse(unit).nanos;
  return String((amount + per - 1n) / per);
}
