import type { HostAlias, PodSpec, PodTemplateSpec } from '#shared/api/types/core-v1.ts';
import { validateAffinity } from '#shared/api/core/pod/affinity.ts';
import { validatePodAnnotations, validateProfilesMatch } from '#shared/api/core/pod/annotations.ts';
import { validatePodClaims } from '#shared/api/core/pod/claims.ts';
import {
  validateContainers,
  validateEphemeralContainers,
  validateInitContainers,
} from '#shared/api/core/pod/containers.ts';
import { strict, type PodAllowances, type PodContext } from '#shared/api/core/pod/context.ts';
import {
  validateDnsConfig,
  validateDnsPolicy,
  validateHostnameOverride,
} from '#shared/api/core/pod/dns.ts';
import { eachContainer } from '#shared/api/core/pod/each-container.ts';
import {
  validateContainerResources,
  validatePodResources,
} from '#shared/api/core/pod/resources.ts';
import { validatePodSecurityContext } from '#shared/api/core/pod/security-context.ts';
import { validateTolerations } from '#shared/api/core/pod/tolerations.ts';
import { validateTopologySpread } from '#shared/api/core/pod/topology-spread.ts';
import { validateVolumes } from '#shared/api/core/pod/volumes.ts';
import {
  validateHostProcess,
  validateLinuxPod,
  validateWindowsPod,
} from '#shared/api/core/pod/windows.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach, legacyIp } from '#shared/kube/checks.ts';
import {
  duplicateValue,
  forbiddenValue,
  invalidValue,
  notFoundValue,
  notOneOf,
  notSupported,
  required,
} from '#shared/kube/field-error.ts';
import { dns1123Label, dns1123Subdomain, inRange, qualifiedName } from '#shared/kube/names.ts';
import { validateAnnotations, validateLabels } from '#shared/kube/object-meta.ts';
import type { ObjectMeta } from '#shared/kube/types/meta-v1.ts';

const restartPolicies = ['Always', 'OnFailure', 'Never'];
const preemptionPolicies = ['PreemptLowerPriority', 'Never'];

/** The template of a workload: a pod's rules, less those that need to know the pod's name. */
export function* validatePodTemplate(
  template: PodTemplateSpec,
  field: string,
  allows: PodAllowances = strict,
): Iterable<FieldError> {
  const { metadata, spec } = template;
  yield* validateLabels(metadata.labels, `${field}.labels`);
  yield* validateAnnotations(metadata.annotations, `${field}.annotations`);
  yield* validatePodAnnotations(metadata.annotations, spec, `${field}.annotations`, allows);
  yield* validatePodSpec(spec, `${field}.spec`, allows);
  yield* validateProfilesMatch(metadata, spec, `${field}.spec`);
  if (spec.ephemeralContainers?.length) {
    yield forbiddenValue(
      `${field}.spec.ephemeralContainers`,
      'ephemeral containers not allowed in pod template',
    );
  }
}

/** `meta` only for a pod itself. */
export function* validatePodSpec(
  spec: PodSpec,
  field: string,
  allows: PodAllowances,
  meta?: ObjectMeta,
): Iterable<FieldError> {
  const gracePeriod = spec.terminationGracePeriodSeconds;
  if (gracePeriod === undefined) yield required(`${field}.terminationGracePeriodSeconds`);
  const context: PodContext = {
    allows,
    volumes: new Map(),
    claimNames: new Set((spec.resourceClaims ?? []).map(({ name }) => name).filter((name) => name)),
    gracePeriod,
    restartPolicy: spec.restartPolicy ?? '',
    os: spec.os?.name,
    usesHostUsers: spec.hostUsers ?? true,
  };
  if (spec.volumes) yield* validateVolumes(spec.volumes, `${field}.volumes`, context, meta);
  if (spec.resourceClaims) {
    yield* validatePodClaims(spec.resourceClaims, `${field}.resourceClaims`, meta);
  }
  yield* validateContainers(spec.containers, `${field}.containers`, context);
  yield* validateInitContainers(spec, `${field}.initContainers`, context);
  yield* validateEphemeralContainers(spec, `${field}.ephemeralContainers`, context);
  yield* validatePodResources(spec, field, context);
  if (spec.hostNetwork) yield* validateHostPorts(spec, field, allows);
  if (!spec.restartPolicy) yield required(`${field}.restartPolicy`);
  else if (!restartPolicies.includes(spec.restartPolicy)) {
    yield notOneOf(`${field}.restartPolicy`, spec.restartPolicy, restartPolicies);
  }
  yield* validateDnsPolicy(spec.dnsPolicy, `${field}.dnsPolicy`);
  yield* validateLabels(spec.nodeSelector, `${field}.nodeSelector`);
  yield* validatePodSecurityContext(spec, `${field}.securityContext`, allows);
  yield* validatePlacement(spec, field, allows);
  yield* validateHostProcess(spec, field);
  yield* validateHostUsers(spec, field, allows);
  yield* validateHostnameOverride(spec, field);
  yield* validateNames(spec, field);
  yield* validateReferences(spec, field, allows);
  yield* validateOs(spec, field);
  yield* validateSchedulingGroup(spec, `${field}.schedulingGroup.podGroupName`);
  yield* validateFileKeys(spec, field);
}

function* validatePlacement(
  spec: PodSpec,
  field: string,
  allows: PodAllowances,
): Iterable<FieldError> {
  if (spec.affinity) yield* validateAffinity(spec.affinity, `${field}.affinity`, allows);
  yield* validateDnsConfig(spec, `${field}.dnsConfig`);
  for (const [index, { conditionType = '' }] of (spec.readinessGates ?? []).entries()) {
    const path = `${field}.readinessGates[${index}].conditionType`;
    yield* invalidEach(path, conditionType, qualifiedName(conditionType));
  }
  const gates = new Set<string>();
  for (const [index, { name = '' }] of (spec.schedulingGates ?? []).entries()) {
    const path = `${field}.schedulingGates[${index}]`;
    yield* invalidEach(path, name, qualifiedName(name));
    if (gates.has(name)) yield duplicateValue(path, name);
    gates.add(name);
  }
  if (spec.topologySpreadConstraints) {
    const path = `${field}.topologySpreadConstraints`;
    yield* validateTopologySpread(spec.topologySpreadConstraints, path, allows);
  }
}

function* validateHostPorts(
  spec: PodSpec,
  field: string,
  { isPod }: PodAllowances,
): Iterable<FieldError> {
  for (const [index, { ports }] of (spec.containers ?? []).entries()) {
    for (const [at, { hostPort = 0, containerPort }] of (ports ?? []).entries()) {
      if ((!isPod && hostPort === 0) || hostPort === containerPort) continue;
      yield invalidValue(
        `${field}.containers[${index}].ports[${at}].hostPort`,
        hostPort,
        'must match `containerPort` when `hostNetwork` is true',
      );
    }
  }
}

function* validateHostUsers(
  spec: PodSpec,
  field: string,
  allows: PodAllowances,
): Iterable<FieldError> {
  if (spec.hostUsers !== false) return;
  const problem = 'when `hostUsers` is false';
  if (spec.hostNetwork && !allows.userNamespacesWithHostNetwork) {
    yield forbiddenValue(`${field}.hostNetwork`, problem);
  }
  if (spec.hostPID) yield forbiddenValue(`${field}.HostPID`, problem);
  if (spec.hostIPC) yield forbiddenValue(`${field}.HostIPC`, problem);
  if (allows.userNamespacesWithDevices) return;
  for (const [container, path] of eachContainer(spec, field)) {
    if (container.volumeDevices?.length) yield forbiddenValue(`${path}.volumeDevices`, problem);
  }
}

function* validateNames(spec: PodSpec, field: string): Iterable<FieldError> {
  const { serviceAccountName, nodeName, activeDeadlineSeconds, hostname, subdomain } = spec;
  if (serviceAccountName) {
    const path = `${field}.serviceAccountName`;
    yield* invalidEach(path, serviceAccountName, dns1123Subdomain(serviceAccountName));
  }
  if (nodeName) yield* invalidEach(`${field}.nodeName`, nodeName, dns1123Subdomain(nodeName));
  if (activeDeadlineSeconds !== undefined) {
    const path = `${field}.activeDeadlineSeconds`;
    const problems = inRange(activeDeadlineSeconds, 1, 2_147_483_647);
    yield* invalidEach(path, activeDeadlineSeconds, problems);
  }
  if (hostname) yield* invalidEach(`${field}.hostname`, hostname, dns1123Label(hostname));
  if (subdomain) yield* invalidEach(`${field}.subdomain`, subdomain, dns1123Label(subdomain));
}

function* validateReferences(
  spec: PodSpec,
  field: string,
  allows: PodAllowances,
): Iterable<FieldError> {
  const { tolerations, priorityClassName, runtimeClassName, preemptionPolicy } = spec;
  if (tolerations) {
    const path = `${field}.tolerations`;
    yield* validateTolerations(tolerations, path, allows.comparingTolerations);
  }
  if (spec.hostAliases) yield* validateHostAliases(spec.hostAliases, `${field}.hostAliases`);
  if (priorityClassName) {
    const path = `${field}.priorityClassName`;
    yield* invalidEach(path, priorityClassName, dns1123Subdomain(priorityClassName));
  }
  if (runtimeClassName !== undefined) {
    const path = `${field}.runtimeClassName`;
    yield* invalidEach(path, runtimeClassName, dns1123Subdomain(runtimeClassName));
  }
  if (preemptionPolicy !== undefined) {
    const path = `${field}.preemptionPolicy`;
    if (!preemptionPolicy) yield required(path);
    else if (!preemptionPolicies.includes(preemptionPolicy)) {
      yield notOneOf(path, preemptionPolicy, preemptionPolicies);
    }
  }
  if (spec.overhead) {
    const known = { allows, claimNames: new Set<string>() };
    yield* validateContainerResources({ limits: spec.overhead }, `${field}.overhead`, known);
  }
}

function* validateHostAliases(aliases: readonly HostAlias[], field: string): Iterable<FieldError> {
  for (const [index, { ip, hostnames = [] }] of aliases.entries()) {
    yield* legacyIp(ip ?? '', `${field}[${index}].ip`);
    for (const [at, name] of hostnames.entries()) {
      yield* invalidEach(`${field}[${index}].hostnames[${at}]`, name, dns1123Subdomain(name));
    }
  }
}

function* validateOs(spec: PodSpec, field: string): Iterable<FieldError> {
  if (!spec.os) return;
  const { name } = spec.os;
  if (!name) yield required(`${field}.os.name`);
  else if (name === 'linux') yield* validateLinuxPod(spec, field);
  else if (name === 'windows') yield* validateWindowsPod(spec, field);
  else yield notSupported(`${field}.os`, name, ['linux', 'windows']);
}

function* validateSchedulingGroup(
  { schedulingGroup: group }: PodSpec,
  field: string,
): Iterable<FieldError> {
  if (!group) return;
  const { podGroupName: name } = group;
  if (name === undefined) {
    yield invalidValue(field, undefined, 'must specify one of: `podGroupName`');
  } else yield* invalidEach(field, name, dns1123Subdomain(name));
}

function* validateFileKeys(spec: PodSpec, field: string): Iterable<FieldError> {
  for (const [container, path] of eachContainer(spec, field)) {
    for (const [index, { valueFrom }] of (container.env ?? []).entries()) {
      if (!valueFrom?.fileKeyRef) continue;
      const { volumeName } = valueFrom.fileKeyRef;
      const at = `${path}.env[${index}].valueFrom.fileKeyRef.volumeName`;
      const volume = spec.volumes?.findLast(({ name }) => name === volumeName);
      if (!volume) yield notFoundValue(at, volumeName);
      else if (!volume.emptyDir) {
        yield invalidValue(at, volumeName, 'referenced volume must be of type emptyDir');
      }
    }
  }
}
