import type {
  AdmissionContext,
  AdmissionPlugin,
  AdmissionRequest,
} from '#main/control-plane/apiserver/admission/plugin.ts';
import {
  checkedPod,
  type CheckedPod,
} from '#main/control-plane/apiserver/admission/pod-security/check.ts';
import {
  describeViolations,
  formatLevel,
  isSameLevel,
  policyOf,
  rank,
  violationsOf,
  type LevelVersion,
} from '#main/control-plane/apiserver/admission/pod-security/policy.ts';
import { isSameKind } from '#main/control-plane/apiserver/admission/refusal.ts';
import { objectOf, oldObjectOf } from '#main/control-plane/apiserver/admission/request-objects.ts';
import { daemonSets } from '#shared/api/apps/daemon-set.ts';
import { deployments } from '#shared/api/apps/deployment.ts';
import { replicaSets } from '#shared/api/apps/replica-set.ts';
import { statefulSets } from '#shared/api/apps/stateful-set.ts';
import { cronJobs } from '#shared/api/batch/cron-job.ts';
import { jobs } from '#shared/api/batch/job.ts';
import { namespaces } from '#shared/api/core/namespace.ts';
import { podTemplates } from '#shared/api/core/pod-template.ts';
import { pods } from '#shared/api/core/pod.ts';
import { replicationControllers } from '#shared/api/core/replication-controller.ts';
import type { CronJob } from '#shared/api/types/batch-v1.ts';
import type { Pod, PodTemplate, PodTemplateSpec } from '#shared/api/types/core-v1.ts';
import { forbidden, invalid } from '#shared/kube/errors.ts';
import { controllerOf } from '#shared/kube/owners.ts';
import type { Resource } from '#shared/kube/resource.ts';

const controllers: readonly Pick<Resource, 'group' | 'plural'>[] = [
  replicationControllers,
  podTemplates,
  replicaSets,
  deployments,
  statefulSets,
  daemonSets,
  jobs,
  cronJobs,
];
/** These say nothing about what runs in the pod. */
const harmlessSubresources: ReadonlySet<string> = new Set([
  'exec',
  'attach',
  'binding',
  'eviction',
  'log',
  'portforward',
  'proxy',
  'status',
]);
const maxPodsChecked = 3000;

/** Pods keep to the level that their namespace's labels enforce; whoever would not is warned. */
export const podSecurity: AdmissionPlugin = {
  name: 'PodSecurity',
  handles(operation, resource, subresource) {
    if (operation !== 'CREATE' && operation !== 'UPDATE') return false;
    if (isSameKind(resource, pods)) return !harmlessSubresources.has(subresource);
    if (subresource !== '') return false;
    return (
      isSameKind(resource, namespaces) || controllers.some((kind) => isSameKind(resource, kind))
    );
  },
  validate(request, context) {
    if (isSameKind(request.resource, namespaces)) checkNamespace(request, context);
    else if (isSameKind(request.resource, pods)) checkPod(request, context);
    else checkController(request, context);
  },
};

function checkPod(request: AdmissionRequest, { objects }: AdmissionContext): void {
  const labels = objects.get(namespaces, { name: request.namespace })?.metadata.labels;
  const { policy } = policyOf(labels);
  const { enforce, warn } = policy;
  if (enforce.level === 'privileged' && warn.level === 'privileged') return;
  const pod = objectOf(request, pods);
  if (request.operation === 'UPDATE' && !runsOtherImages(pod, oldObjectOf(request, pods))) return;
  const checked = checkedPod(pod);
  const violations = violationsOf(enforce, checked);
  if (violations.length > 0) {
    throw forbidden(
      pods,
      request.name,
      `violates PodSecurity ${JSON.stringify(formatLevel(enforce))}: ${describeViolations(violations)}`,
    );
  }
  warnOf(request, warn, checked);
}

function checkController(request: AdmissionRequest, { objects }: AdmissionContext): void {
  const labels = objects.get(namespaces, { name: request.namespace })?.metadata.labels;
  const { warn } = policyOf(labels).policy;
  if (warn.level === 'privileged') return;
  const template = templateOf(request);
  if (template?.spec) {
    warnOf(request, warn, checkedPod({ metadata: template.metadata, spec: template.spec }));
  }
}

function warnOf(request: AdmissionRequest, level: LevelVersion, pod: CheckedPod): void {
  const violations = violationsOf(level, pod);
  if (violations.length === 0) return;
  request.warn(
    `would violate PodSecurity ${JSON.stringify(formatLevel(level))}: ${describeViolations(violations)}`,
  );
}

function templateOf({ resource, object }: AdmissionRequest): PodTemplateSpec | undefined {
  if (isSameKind(resource, podTemplates)) return (object as unknown as PodTemplate).template;
  if (isSameKind(resource, cronJobs)) {
    return (object as unknown as CronJob).spec?.jobTemplate?.spec?.template;
  }
  return (object as unknown as { readonly spec?: { readonly template?: PodTemplateSpec } }).spec
    ?.template;
}

/** Of a pod that is there only new containers and other images can change its standing. */
function runsOtherImages(pod: Pod, old: Pod): boolean {
  for (const list of ['containers', 'initContainers'] as const) {
    const containers = pod.spec?.[list] ?? [];
    const before = old.spec?.[list] ?? [];
    if (containers.length !== before.length) return true;
    if (containers.some(({ image }, index) => image !== before[index]?.image)) return true;
  }
  const before = new Map(
    (old.spec?.ephemeralContainers ?? []).map(({ name, image }) => [name, image]),
  );
  return (pod.spec?.ephemeralContainers ?? []).some(
    ({ name, image }) => !before.has(name) || before.get(name) !== image,
  );
}

function checkNamespace(request: AdmissionRequest, { objects }: AdmissionContext): void {
  const { metadata } = objectOf(request, namespaces);
  const { policy, errors } = policyOf(metadata.labels);
  if (request.operation === 'CREATE') {
    if (errors.length > 0) throw invalid(namespaces, request.name, errors);
    return;
  }
  const old = policyOf(oldObjectOf(request, namespaces).metadata.labels);
  if (errors.length > 0 && JSON.stringify(errors) !== JSON.stringify(old.errors)) {
    throw invalid(namespaces, request.name, errors);
  }
  const { enforce } = policy;
  const before = old.policy.enforce;
  if (isSameLevel(enforce, before) || enforce.level === 'privileged') return;
  if (enforce.version === before.version && rank(enforce.level) <= rank(before.level)) return;
  const name = metadata.name;
  for (const warning of warningsForPods(name, objects.list(pods, name), enforce)) {
    request.warn(warning);
  }
}

/** Who already runs in the namespace and would not be let in now. */
function warningsForPods(
  namespace: string,
  running: Iterable<Pod>,
  enforce: LevelVersion,
): readonly string[] {
  const inOrder = onePerControllerFirst(running);
  const names = new Map<string, string[]>();
  for (const pod of inOrder.slice(0, maxPodsChecked)) {
    const reasons = violationsOf(enforce, checkedPod(pod)).map(({ reason }) => reason);
    if (reasons.length === 0) continue;
    const complaint = reasons.join(', ');
    const known = names.get(complaint);
    if (known) known.push(pod.metadata.name);
    else names.set(complaint, [pod.metadata.name]);
  }
  const warnings: string[] = [];
  if (inOrder.length > maxPodsChecked) {
    warnings.push(
      `new PodSecurity enforce level only checked against the first ${maxPodsChecked} of ${inOrder.length} existing pods`,
    );
  }
  if (names.size === 0) return warnings;
  warnings.push(
    `existing pods in namespace ${JSON.stringify(namespace)} violate the new PodSecurity enforce level ${JSON.stringify(formatLevel(enforce))}`,
  );
  const each = [...names].map(([complaint, pods]) => `${shownNames(pods)}: ${complaint}`);
  return [...warnings, ...each.sort()];
}

function shownNames(names: readonly string[]): string {
  const [first = ''] = names.toSorted();
  const others = names.length - 1;
  if (others === 0) return first;
  return `${first} (and ${others} other ${others === 1 ? 'pod' : 'pods'})`;
}

function onePerControllerFirst(running: Iterable<Pod>): readonly Pod[] {
  const first: Pod[] = [];
  const alike: Pod[] = [];
  const seen = new Set<string>();
  for (const pod of running) {
    const uid = controllerOf(pod.metadata)?.uid;
    if (uid !== undefined && seen.has(uid)) alike.push(pod);
    else first.push(pod);
    if (uid !== undefined) seen.add(uid);
  }
  return [...first, ...alike];
}
