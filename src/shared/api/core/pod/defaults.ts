import type {
  Container,
  EphemeralContainer,
  HTTPGetAction,
  Pod,
  PodSpec,
  PodTemplateSpec,
  Probe,
} from '#shared/api/types/core-v1.ts';
import { roundAmounts, withAmounts, type Amounts } from '#shared/api/core/amounts.ts';
import { aggregateLimits, aggregateRequests } from '#shared/api/core/pod/aggregate.ts';
import { isPodLevelResource } from '#shared/api/core/pod/resources.ts';
import { isHugePages, isOvercommittable } from '#shared/api/core/resource-names.ts';
import {
  defaultFieldReference,
  defaultVolume,
  pullPolicyOf,
} from '#shared/api/core/volume/defaults.ts';
import type { Draft } from '#shared/kube/object.ts';

const retiredAnnotations = [
  'pod.beta.kubernetes.io/init-containers',
  'pod.alpha.kubernetes.io/init-containers',
  'pod.beta.kubernetes.io/init-container-statuses',
  'pod.alpha.kubernetes.io/init-container-statuses',
];

export function defaultPod(pod: Draft<Pod>): void {
  const { spec, status } = pod;
  dropRetiredAnnotations(pod.metadata);
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    requestLimits(container);
  }
  defaultPodLevelResources(spec);
  spec.enableServiceLinks ??= true;
  if (spec.hostNetwork) {
    publishOnHost(spec.containers);
    publishOnHost(spec.initContainers);
  }
  defaultPodSpec(spec);
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) spec.terminationGracePeriodSeconds = 1;
  for (const list of [
    'containerStatuses',
    'initContainerStatuses',
    'ephemeralContainerStatuses',
  ] as const) {
    for (const containerStatus of status?.[list] ?? []) {
      roundAmounts(containerStatus.allocatedResources);
      roundAmounts(containerStatus.resources?.limits);
      roundAmounts(containerStatus.resources?.requests);
    }
  }
  if (status) alignIps(status);
}

/** `podIP` is the first of `podIPs`, whichever of them the writer knew. */
function alignIps(status: Draft<NonNullable<Pod['status']>>): void {
  const first = status.podIPs?.[0]?.ip;
  if (status.podIP && first !== status.podIP) status.podIPs = [{ ip: status.podIP }];
  else if (first && !status.podIP) status.podIP = first;
}

export function defaultPodTemplate(template: Draft<PodTemplateSpec>): void {
  if (template.metadata) dropRetiredAnnotations(template.metadata);
  defaultPodSpec(template.spec);
}

function dropRetiredAnnotations(meta: Pick<Draft<Pod>['metadata'], 'annotations'>): void {
  for (const name of retiredAnnotations) {
    if (meta.annotations?.[name] !== undefined) delete meta.annotations[name];
  }
}

/** What a container may use at most it also requests, unless it says otherwise. */
function requestLimits(container: Draft<Container>): void {
  const { resources } = container;
  if (!resources?.limits) return;
  const requests = withAmounts(resources.requests, resources.limits);
  if (requests) resources.requests = requests;
}

function defaultPodLevelResources(spec: Draft<PodSpec>): void {
  const { resources } = spec;
  if (!resources) return;
  const requested = resources.requests ?? {};
  if (!isEmpty(resources.limits) || !isEmpty(requested)) {
    const pages = amountsWhere(
      aggregateLimits(spec),
      (name) => isHugePages(name) && requested[name] === undefined,
    );
    const limits = withAmounts(resources.limits, pages);
    if (limits) resources.limits = limits;
  }
  if (isEmpty(resources.limits)) return;
  const used = amountsWhere(
    aggregateRequests(spec),
    (name) => isPodLevelResource(name) && isOvercommittable(name),
  );
  const allowed = amountsWhere(resources.limits ?? {}, isPodLevelResource);
  const requests = withAmounts(resources.requests, { ...allowed, ...used });
  if (requests) resources.requests = requests;
}

function isEmpty(amounts: Amounts | undefined): boolean {
  return !amounts || Object.keys(amounts).length === 0;
}

function amountsWhere(amounts: Amounts, isWanted: (name: string) => boolean): Amounts {
  return Object.fromEntries(Object.entries(amounts).filter(([name]) => isWanted(name)));
}

/** A pod's own spec and that of a template; upstream's SetDefaults_PodSpec and what lies below. */
export function defaultPodSpec(spec: Draft<PodSpec>): void {
  if (!spec.dnsPolicy) spec.dnsPolicy = 'ClusterFirst';
  if (!spec.restartPolicy) spec.restartPolicy = 'Always';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  if (!spec.schedulerName) spec.schedulerName = 'default-scheduler';
  const account = spec.serviceAccountName || spec.serviceAccount;
  if (account) {
    spec.serviceAccountName = account;
    spec.serviceAccount = account;
  }
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
  for (const container of spec.initContainers ?? []) defaultContainer(container);
  for (const container of spec.containers ?? []) defaultContainer(container);
  for (const container of spec.ephemeralContainers ?? []) defaultContainer(container);
  roundAmounts(spec.overhead);
  roundAmounts(spec.resources?.limits);
  roundAmounts(spec.resources?.requests);
}

/** In the host's network a container's port is the host's. */
function publishOnHost(containers: Draft<readonly Container[]> | undefined): void {
  for (const { ports } of containers ?? []) {
    for (const port of ports ?? []) port.hostPort ||= port.containerPort;
  }
}

function defaultContainer(container: Draft<Container | EphemeralContainer>): void {
  if (!container.imagePullPolicy) container.imagePullPolicy = pullPolicyOf(container.image ?? '');
  if (!container.terminationMessagePath) {
    container.terminationMessagePath = '/dev/termination-log';
  }
  if (!container.terminationMessagePolicy) container.terminationMessagePolicy = 'File';
  for (const port of container.ports ?? []) if (!port.protocol) port.protocol = 'TCP';
  for (const { valueFrom } of container.env ?? []) {
    defaultFieldReference(valueFrom?.fieldRef);
    if (valueFrom?.fileKeyRef) valueFrom.fileKeyRef.optional ??= false;
  }
  roundAmounts(container.resources?.limits);
  roundAmounts(container.resources?.requests);
  if (container.livenessProbe) defaultProbe(container.livenessProbe);
  if (container.readinessProbe) defaultProbe(container.readinessProbe);
  if (container.startupProbe) defaultProbe(container.startupProbe);
  defaultHttpGet(container.lifecycle?.postStart?.httpGet);
  defaultHttpGet(container.lifecycle?.preStop?.httpGet);
}

function defaultProbe(probe: Draft<Probe>): void {
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  defaultHttpGet(probe.httpGet);
  if (probe.grpc) probe.grpc.service ??= '';
}

function defaultHttpGet(action: Draft<HTTPGetAction> | undefined): void {
  if (!action) return;
  if (!action.path) action.path = '/';
  if (!action.scheme) action.scheme = 'HTTP';
}
