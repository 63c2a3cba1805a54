import type {
  Container,
  ContainerStatus,
  Pod,
  PodCondition,
  PodSpec,
  PodStatus,
  ResourceStatus,
} from '#shared/api/types/core-v1.ts';
import { podAllowances } from '#shared/api/core/pod/allowances.ts';
import { validateClaimStatuses } from '#shared/api/core/pod/claim-statuses.ts';
import { annotationUpdate } from '#shared/api/core/pod/update.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach, legacyIp, unchanged } from '#shared/kube/checks.ts';
import {
  duplicateValue,
  forbiddenValue,
  invalidValue,
  notSupported,
  required,
  tooLong,
} from '#shared/kube/field-error.ts';
import { isDualStack, parseIp } from '#shared/kube/ip.ts';
import { byteLength, dns1123Subdomain, qualifiedName, userId } from '#shared/kube/names.ts';

const systemConditions = new Set(['PodScheduled', 'Ready', 'Initialized']);
const lists = ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const;
const noRevival = 'may not be transitioned to non-terminated state';

export function* validatePodStatusUpdate(pod: Pod, old: Pod): Iterable<FieldError> {
  const { spec, status } = pod;
  const oldStatus = old.status ?? {};
  const allows = podAllowances(old.spec, old.metadata, { isPod: true });
  yield* annotationUpdate(pod, old, allows);
  yield* validateConditions(status.conditions ?? []);
  if ((spec.nodeName ?? '') !== (old.spec.nodeName ?? '')) {
    yield forbiddenValue('status.nodeName', 'may not be changed directly');
  }
  yield* validateNominatedNode(pod, old);
  if ((status.observedGeneration ?? 0) < 0) {
    yield invalidValue(
      'status.observedGeneration',
      status.observedGeneration,
      'must be a non-negative integer',
    );
  }
  yield* unchanged(status.qosClass ?? '', oldStatus.qosClass ?? '', 'status.qosClass');
  yield* validateTransitions(status, oldStatus, old.spec);
  yield* validateClaimStatuses(status, spec);
  yield* validatePodIps(status, oldStatus);
  yield* validateHostIps(status, oldStatus);
  for (const list of lists) yield* validateUsers(status[list] ?? [], `status.${list}`, spec);
  yield* validateAllocated(status.containerStatuses, 'status.containerStatuses', spec.containers);
  yield* validateAllocated(
    status.initContainerStatuses,
    'status.initContainerStatuses',
    spec.initContainers,
  );
  for (const [index, container] of (status.ephemeralContainerStatuses ?? []).entries()) {
    if (!container.allocatedResourcesStatus?.length) continue;
    yield forbiddenValue(
      `status.ephemeralContainerStatuses[${index}].allocatedResourcesStatus`,
      'must not be specified in container status',
    );
  }
}

function* validateConditions(conditions: readonly PodCondition[]): Iterable<FieldError> {
  for (const [index, { type = '', observedGeneration = 0 }] of conditions.entries()) {
    const path = `status.conditions[${index}]`;
    if (observedGeneration < 0) {
      yield invalidValue(
        `${path}.observedGeneration`,
        observedGeneration,
        'must be a non-negative integer',
      );
    }
    if (!systemConditions.has(type)) yield* invalidEach(`${path}.Type`, type, qualifiedName(type));
  }
}

function* validateNominatedNode({ status }: Pod, old: Pod): Iterable<FieldError> {
  const field = 'status.nominatedNodeName';
  const name = status?.nominatedNodeName;
  if (!name || name === old.status?.nominatedNodeName) return;
  yield* invalidEach(field, name, dns1123Subdomain(name));
  if (old.spec.nodeName) {
    yield forbiddenValue(field, 'may not be set on pods that are already bound to a node');
  }
}

function* validateTransitions(
  status: PodStatus,
  old: PodStatus,
  spec: PodSpec,
): Iterable<FieldError> {
  const restartsTogether = [...(spec.initContainers ?? []), ...spec.containers].some(
    ({ restartPolicyRules }) =>
      restartPolicyRules?.some(({ action }) => action === 'RestartAllContainers'),
  );
  for (const list of lists) {
    if (list !== 'ephemeralContainerStatuses' && restartsTogether) continue;
    const containers = list === 'initContainerStatuses' ? spec.initContainers : spec.containers;
    for (const [index, known] of (old[list] ?? []).entries()) {
      const exitCode = known.state?.terminated?.exitCode;
      if (exitCode === undefined) continue;
      const next = status[list]?.find(({ name }) => name === known.name);
      if (!next || next.state?.terminated) continue;
      const container = containers?.find(({ name }) => name === known.name);
      const mayRestart =
        list !== 'ephemeralContainerStatuses' &&
        container &&
        shouldRestart(container, spec, exitCode);
      if (!mayRestart) yield forbiddenValue(`status.${list}[${index}].state`, noRevival);
    }
  }
}

/** A container's rules decide first, then its own policy, then the pod's. */
function shouldRestart(
  { restartPolicy, restartPolicyRules = [] }: Container,
  spec: PodSpec,
  exitCode: number,
): boolean {
  if (restartPolicy !== undefined) {
    const rule = restartPolicyRules.find(({ exitCodes }) => {
      const isListed = exitCodes?.values?.includes(exitCode) ?? false;
      return exitCodes?.operator === 'In' ? isListed : exitCodes?.operator === 'NotIn' && !isListed;
    });
    if (rule) return true;
  }
  const policy = restartPolicy ?? spec.restartPolicy;
  if (policy === 'OnFailure') return exitCode !== 0;
  return policy !== 'Never';
}

function* validatePodIps(status: PodStatus, old: PodStatus): Iterable<FieldError> {
  const known = (old.podIPs ?? []).map(({ ip }) => ip);
  yield* validateIps(status.podIPs ?? [], 'status.podIPs', known);
}

function* validateHostIps(status: PodStatus, old: PodStatus): Iterable<FieldError> {
  const { hostIP = '', hostIPs = [] } = status;
  const [first] = hostIPs;
  if (!first) return;
  if (hostIP !== first.ip) {
    yield invalidValue('status.hostIPs[0].ip', first.ip, 'must be equal to `hostIP`');
  }
  const known = (old.hostIPs ?? []).map(({ ip }) => ip);
  yield* validateIps(hostIPs, 'status.hostIPs', known);
}

function* validateIps(
  addresses: readonly { readonly ip: string }[],
  field: string,
  known: readonly string[],
): Iterable<FieldError> {
  for (const [index, { ip }] of addresses.entries()) {
    yield* legacyIp(ip, `${field}[${index}]`, known);
  }
  if (addresses.length < 2) return;
  if (addresses.length > 2 || !isDualStack(addresses.map(({ ip }) => parseIp(ip)))) {
    yield invalidValue(field, addresses, 'may specify no more than one IP for each IP family');
  }
}

function* validateUsers(
  statuses: readonly ContainerStatus[],
  field: string,
  { os }: PodSpec,
): Iterable<FieldError> {
  for (const [index, { user }] of statuses.entries()) {
    const linux = user?.linux;
    if (!linux) continue;
    const path = `${field}[${index}].user.linux`;
    if (os?.name === 'windows') {
      yield forbiddenValue(path, 'cannot be set for a windows pod');
      continue;
    }
    yield* invalidEach(`${path}.uid`, linux.uid, userId(linux.uid));
    yield* invalidEach(`${path}.gid`, linux.gid, userId(linux.gid));
    for (const [at, group] of (linux.supplementalGroups ?? []).entries()) {
      yield* invalidEach(`${path}.supplementalGroups[${at}]`, group, userId(group));
    }
  }
}

function* validateAllocated(
  statuses: readonly ContainerStatus[] | undefined,
  field: string,
  containers: readonly Container[] | undefined,
): Iterable<FieldError> {
  for (const [index, { name, allocatedResourcesStatus }] of (statuses ?? []).entries()) {
    const container = containers?.find((candidate) => candidate.name === name);
    for (const [at, resource] of (allocatedResourcesStatus ?? []).entries()) {
      const path = `${field}[${index}].allocatedResourcesStatus[${at}]`;
      if (container) yield* validateAllocatedName(resource, path, container);
      yield* validateHealth(resource, path);
    }
  }
}

function* validateAllocatedName(
  { name }: ResourceStatus,
  path: string,
  { resources }: Container,
): Iterable<FieldError> {
  if (name.startsWith('claim:')) {
    const known = (resources.claims ?? []).map(
      (claim) => `claim:${claim.name}${claim.request ? `/${claim.request}` : ''}`,
    );
    if (!known.includes(name)) {
      yield invalidValue(
        `${path}.name`,
        name,
        "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty",
      );
    }
  } else if (resources.requests?.[name] === undefined) {
    yield invalidValue(`${path}.name`, name, "must match one of the container's resource requests");
  }
}

function* validateHealth({ resources }: ResourceStatus, path: string): Iterable<FieldError> {
  const seen = new Set<string>();
  for (const [index, { resourceID, health = '', message }] of (resources ?? []).entries()) {
    const at = `${path}.resources[${index}]`;
    const supported = ['Healthy', 'Unhealthy', 'Unknown'];
    if (!supported.includes(health)) yield notSupported(`${at}.health`, health, supported);
    if (message === '') yield required(`${at}.message`, 'must be non-empty if specified');
    else if (message !== undefined && byteLength(message) > 1024) {
      yield tooLong(`${at}.message`, 1024);
    }
    if (seen.has(resourceID)) yield duplicateValue(`${at}.resourceID`, resourceID);
    seen.add(resourceID);
  }
}
