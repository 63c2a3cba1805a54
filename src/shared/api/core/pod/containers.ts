import type {
  Container,
  ContainerPort,
  ContainerRestartRule,
  EphemeralContainer,
  PodSpec,
} from '#shared/api/types/core-v1.ts';
import type { PodContext } from '#shared/api/core/pod/context.ts';
import { validateEnvironment, validateEnvironmentFrom } from '#shared/api/core/pod/environment.ts';
import { validateDevices, validateMounts } from '#shared/api/core/pod/mounts.ts';
import { validateLifecycle, validateProbes } from '#shared/api/core/pod/probes.ts';
import { validatePullPolicy } from '#shared/api/core/pod/pull-policy.ts';
import {
  validateContainerResources,
  validateResizePolicies,
} from '#shared/api/core/pod/resources.ts';
import { validateSecurityContext } from '#shared/api/core/pod/security-context.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach } from '#shared/kube/checks.ts';
import {
  duplicateValue,
  forbiddenValue,
  invalidValue,
  notFoundValue,
  notOneOf,
  notSupported,
  required,
  tooMany,
} from '#shared/kube/field-error.ts';
import { dns1123Label, portName, portNumber } from '#shared/kube/names.ts';

type AnyContainer = Container | EphemeralContainer;

const protocols = ['SCTP', 'TCP', 'UDP'];
const messagePolicies = ['File', 'FallbackToLogsOnError'];
const restartPolicies = ['Always', 'Never', 'OnFailure'];
const restartActions = ['Restart', 'RestartAllContainers'];
const exitCodeOperators = ['In', 'NotIn'];

export function* validateContainers(
  containers: readonly Container[] | undefined,
  field: string,
  context: PodContext,
): Iterable<FieldError> {
  if (!containers?.length) {
    yield required(field);
    return;
  }
  const names = new Set<string>();
  for (const [index, container] of containers.entries()) {
    const path = `${field}[${index}]`;
    yield* validateCommon(container, path, context);
    const name = container.name ?? '';
    if (names.has(name)) yield duplicateValue(`${path}.name`, name);
    names.add(name);
    if (container.lifecycle) {
      yield* validateLifecycle(container.lifecycle, `${path}.lifecycle`, context);
    }
    yield* validateProbes(container, path, context);
    yield* validateRestartPolicy(container, path);
  }
  yield* uniqueHostPorts(containers, field);
}

export function* validateInitContainers(
  spec: PodSpec,
  field: string,
  context: PodContext,
): Iterable<FieldError> {
  if (!spec.initContainers?.length) return;
  const names = new Set((spec.containers ?? []).map(({ name }) => name ?? ''));
  for (const [index, container] of spec.initContainers.entries()) {
    const path = `${field}[${index}]`;
    yield* validateCommon(container, path, context);
    if (container.restartPolicy !== undefined) yield* validateRestartPolicy(container, path);
    else if (container.restartPolicyRules?.length) yield restartPolicyMissing(path);
    const name = container.name ?? '';
    if (names.has(name)) yield duplicateValue(`${path}.name`, name);
    else if (name) names.add(name);
    // Upstream counts the ports of this container from 0 and reports them at the list.
    yield* uniqueHostPorts([container], field);
    if (container.restartPolicy === 'Always') {
      if (container.lifecycle) {
        yield* validateLifecycle(container.lifecycle, `${path}.lifecycle`, context);
      }
      yield* validateProbes(container, path, context);
    } else yield* validateOneShot(container, path, context);
  }
}

function* validateOneShot(
  container: Container,
  path: string,
  { allows }: PodContext,
): Iterable<FieldError> {
  for (const member of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
    if (container[member] === undefined) continue;
    yield forbiddenValue(
      `${path}.${member}`,
      'may not be set for init containers without restartPolicy=Always',
    );
  }
  if (allows.restartContainerForInitContainers) return;
  for (const [index, { restartPolicy }] of (container.resizePolicy ?? []).entries()) {
    if (restartPolicy !== 'RestartContainer') continue;
    yield invalidValue(
      `${path}.resizePolicy[${index}].restartPolicy`,
      restartPolicy,
      "must not be set to 'RestartContainer' for non-sidecar initContainers",
    );
  }
}

/** In the order of the Go type, which decides the order of the causes. */
const notEphemeral = [
  'ports',
  'resources',
  'resizePolicy',
  'restartPolicy',
  'restartPolicyRules',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
] as const;

export function* validateEphemeralContainers(
  spec: PodSpec,
  field: string,
  context: PodContext,
): Iterable<FieldError> {
  const others = new Set(
    [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(({ name }) => name),
  );
  const names = new Set(others);
  for (const [index, container] of (spec.ephemeralContainers ?? []).entries()) {
    const path = `${field}[${index}]`;
    yield* validateCommon(container, path, context);
    yield* validateImageSpaces(container.image, path);
    const { name, targetContainerName: target } = container;
    if (names.has(name)) yield duplicateValue(`${path}.name`, name);
    names.add(name);
    if (target && !others.has(target)) {
      yield notFoundValue(`${path}.targetContainerName`, target);
    }
    for (const member of notEphemeral) {
      if (isUnset(container[member])) continue;
      yield forbiddenValue(`${path}.${member}`, 'cannot be set for an Ephemeral Container');
    }
    for (const [at, mount] of (container.volumeMounts ?? []).entries()) {
      for (const member of ['subPath', 'subPathExpr'] as const) {
        if (!mount[member]) continue;
        yield forbiddenValue(
          `${path}.volumeMounts[${at}].${member}`,
          'cannot be set for an Ephemeral Container',
        );
      }
    }
  }
}

function isUnset(value: unknown): boolean {
  return (
    value === undefined ||
    (typeof value === 'object' && value !== null && Object.keys(value).length === 0)
  );
}

/** Templates accept an image with spaces around it, pods do not. */
export function* validateImageSpaces(
  image: string | undefined,
  path: string,
): Iterable<FieldError> {
  if (image && image.trim() !== image) {
    yield invalidValue(`${path}.image`, image, 'must not have leading or trailing whitespace');
  }
}

function* validateCommon(
  container: AnyContainer,
  path: string,
  context: PodContext,
): Iterable<FieldError> {
  const { name, image, terminationMessagePolicy: messagePolicy } = container;
  if (!name) yield required(`${path}.name`);
  else yield* invalidEach(`${path}.name`, name, dns1123Label(name));
  if (!image) yield required(`${path}.image`);
  if (!messagePolicy) yield required(`${path}.terminationMessagePolicy`);
  else if (!messagePolicies.includes(messagePolicy)) {
    yield notOneOf(`${path}.terminationMessagePolicy`, messagePolicy, messagePolicies);
  }
  if (container.ports) yield* validatePorts(container.ports, `${path}.ports`);
  if (container.env) yield* validateEnvironment(container.env, `${path}.env`);
  if (container.envFrom) yield* validateEnvironmentFrom(container.envFrom, `${path}.envFrom`);
  yield* validateMounts(container, path, context);
  yield* validateDevices(container, path, context);
  yield* validatePullPolicy(container.imagePullPolicy ?? '', `${path}.imagePullPolicy`);
  yield* validateContainerResources(container.resources, `${path}.resources`, context);
  if (container.resizePolicy) {
    const field = `${path}.resizePolicy`;
    yield* validateResizePolicies(container.resizePolicy, field, context.restartPolicy);
  }
  const securityPath = `${path}.securityContext`;
  yield* validateSecurityContext(container.securityContext, securityPath, context.usesHostUsers);
}

function* validatePorts(ports: readonly ContainerPort[], field: string): Iterable<FieldError> {
  const names = new Set<string>();
  for (const [index, { name, containerPort, hostPort, protocol }] of ports.entries()) {
    const path = `${field}[${index}]`;
    if (name) {
      const problems = portName(name);
      yield* invalidEach(`${path}.name`, name, problems);
      if (problems.length === 0) {
        if (names.has(name)) yield duplicateValue(`${path}.name`, name);
        names.add(name);
      }
    }
    if (!containerPort) yield required(`${path}.containerPort`);
    else {
      yield* invalidEach(`${path}.containerPort`, containerPort, portNumber(containerPort));
    }
    if (hostPort) yield* invalidEach(`${path}.hostPort`, hostPort, portNumber(hostPort));
    if (!protocol) yield required(`${path}.protocol`);
    else if (!protocols.includes(protocol)) {
      yield notSupported(`${path}.protocol`, protocol, protocols);
    }
  }
}

function* uniqueHostPorts(containers: readonly Container[], field: string): Iterable<FieldError> {
  let seen: Set<string> | undefined;
  for (const [index, { ports }] of containers.entries()) {
    for (const [at, { protocol, hostIP = '', hostPort }] of (ports ?? []).entries()) {
      if (!hostPort) continue;
      seen ??= new Set();
      const key = `${protocol}/${hostIP}/${hostPort}`;
      if (seen.has(key)) yield duplicateValue(`${field}[${index}].ports[${at}].hostPort`, key);
      seen.add(key);
    }
  }
}

function* validateRestartPolicy(
  { restartPolicy: policy, restartPolicyRules: rules = [] }: Container,
  path: string,
): Iterable<FieldError> {
  if (policy === undefined) {
    if (rules.length > 0) yield restartPolicyMissing(path);
  } else if (!restartPolicies.includes(policy)) {
    yield notSupported(`${path}.restartPolicy`, policy, restartPolicies);
  }
  const field = `${path}.restartPolicyRules`;
  if (rules.length > 20) yield tooMany(field, rules.length, 20);
  for (const [index, rule] of rules.entries()) {
    yield* validateRestartRule(rule, `${field}[${index}]`);
  }
}

function restartPolicyMissing(path: string): FieldError {
  return required(
    `${path}.restartPolicy`,
    'must specify restartPolicy when restart rules are used',
  );
}

function* validateRestartRule(
  { action = '', exitCodes }: ContainerRestartRule,
  path: string,
): Iterable<FieldError> {
  if (!restartActions.includes(action)) {
    yield notSupported(`${path}.action`, action, restartActions);
  }
  if (!exitCodes) {
    yield required(`${path}.exitCodes`, 'must be specified');
    return;
  }
  const { operator = '', values = [] } = exitCodes;
  if (!exitCodeOperators.includes(operator)) {
    yield notSupported(`${path}.exitCodes.operator`, operator, exitCodeOperators);
  }
  if (values.length > 255) yield tooMany(`${path}.exitCodes.values`, values.length, 255);
}
