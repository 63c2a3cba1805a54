import type {
  NodeAllocatableResourceClaimStatus,
  PodExtendedResourceClaimStatus,
  PodSpec,
  PodStatus,
} from '#shared/api/types/core-v1.ts';
import { isNativeResource } from '#shared/api/core/resource-names.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach, signOf } from '#shared/kube/checks.ts';
import { duplicateValue, invalidValue, required } from '#shared/kube/field-error.ts';
import { dns1123Label, dns1123Subdomain } from '#shared/kube/names.ts';

/** What a pod's status says of the devices that it got. */
export function* validateClaimStatuses(status: PodStatus, spec: PodSpec): Iterable<FieldError> {
  yield* validateResourceClaims(status, spec);
  if (status.extendedResourceClaimStatus) {
    yield* validateExtended(status.extendedResourceClaimStatus, spec);
  }
  for (const [index, claim] of (status.nodeAllocatableResourceClaimStatuses ?? []).entries()) {
    const path = `status.nodeAllocatableResourceClaimStatuses[${index}]`;
    yield* validateAllocatable(claim, path, claimNamesOf(status, spec));
  }
}

function* validateResourceClaims(status: PodStatus, spec: PodSpec): Iterable<FieldError> {
  const seen = new Set<string>();
  for (const [index, claim] of (status.resourceClaimStatuses ?? []).entries()) {
    const path = `status.resourceClaimStatuses[${index}]`;
    const { name, resourceClaimName } = claim;
    if (!spec.resourceClaims?.some((known) => known.name === name)) {
      yield invalidValue(
        `${path}.name`,
        name,
        'must match the name of an entry in `spec.resourceClaims`',
      );
    }
    if (seen.has(name)) yield duplicateValue(`${path}.name`, name);
    seen.add(name);
    if (resourceClaimName !== undefined) {
      const field = `${path}.resourceClaimName`;
      yield* invalidEach(field, resourceClaimName, dns1123Subdomain(resourceClaimName));
    }
  }
}

function claimNamesOf(status: PodStatus, spec: PodSpec): ReadonlySet<string> {
  const claims = [...(spec.resourceClaims ?? []), ...(status.resourceClaimStatuses ?? [])];
  return new Set(claims.flatMap(({ resourceClaimName }) => resourceClaimName ?? []));
}

function* validateAllocatable(
  claim: NodeAllocatableResourceClaimStatus,
  path: string,
  known: ReadonlySet<string>,
): Iterable<FieldError> {
  const { resourceClaimName, containers, resources } = claim;
  const field = `${path}.resourceClaimName`;
  if (!resourceClaimName) yield required(field, 'must not be empty');
  if (!known.has(resourceClaimName)) {
    yield invalidValue(field, resourceClaimName, 'no mapping found in pod reference');
  }
  if (!containers?.length) yield required(`${path}.containers`, 'must not be empty');
  const amounts = Object.entries(resources ?? {});
  if (amounts.length === 0) yield required(`${path}.resources`, 'must not be empty');
  for (const [name, amount] of amounts) {
    const at = `${path}.resources[${name}]`;
    if (!isNativeResource(name)) {
      yield invalidValue(at, name, 'must be a node allocatable resource name');
    }
    if (signOf(amount) < 0) yield invalidValue(at, amount, 'must be non-negative');
  }
}

function* validateExtended(
  { requestMappings, resourceClaimName }: PodExtendedResourceClaimStatus,
  spec: PodSpec,
): Iterable<FieldError> {
  const field = 'status.extendedResourceClaimStatus';
  if (!requestMappings?.length) {
    yield required(`${field}.requestMappings`, 'at least one request mapping is required');
  }
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  const seen = new Set<string>();
  for (const [index, mapping] of (requestMappings ?? []).entries()) {
    const path = `${field}.requestMappings[${index}]`;
    const { containerName, resourceName, requestName } = mapping;
    const container = containers.findLast(({ name }) => name === containerName);
    if (!container) {
      yield invalidValue(
        `${path}.containerName`,
        containerName,
        'must match the name of an entry in spec.initContainers.name or spec.containers.name',
      );
    } else if (container.resources.requests?.[resourceName] === undefined) {
      yield invalidValue(
        `${path}.resourceName`,
        resourceName,
        'must match the extended resource name of an entry in spec.initContainers.resources.requests or spec.containers.resources.requests',
      );
    }
    yield* invalidEach(`${field}.requestName`, requestName, dns1123Label(requestName));
    const key = `${containerName}\n${resourceName}\n${requestName}`;
    if (seen.has(key)) {
      yield duplicateValue(`${path}.containerName`, containerName);
      yield duplicateValue(`${path}.resourceName`, resourceName);
      yield duplicateValue(`${path}.requestName`, requestName);
    }
    seen.add(key);
  }
  const at = `${field}.resourceClaimName`;
  if (!resourceClaimName) yield required(at);
  else yield* invalidEach(at, resourceClaimName, dns1123Subdomain(resourceClaimName));
}
