import type { PodSpec, ResourceClaim, ResourceRequirements } from '#shared/api/types/core-v1.ts';
import type { PodContext } from '#shared/api/core/pod/context.ts';
import { aggregateLimits, aggregateRequests } from '#shared/api/core/pod/aggregate.ts';
import {
  isDivisibleIntoPages,
  isHugePages,
  isOvercommittable,
  validateContainerResourceName,
  validateResourceAmount,
  validateResourceName,
} from '#shared/api/core/resource-names.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { compareAmounts, invalidEach } from '#shared/kube/checks.ts';
import {
  duplicateValue,
  forbiddenValue,
  invalidValue,
  notSupported,
  required,
} from '#shared/kube/field-error.ts';
import { dns1123Label } from '#shared/kube/names.ts';

type NameCheck = (name: string, field: string) => Iterable<FieldError>;
type Amounts = Readonly<Record<string, string>>;
type Known = Pick<PodContext, 'allows' | 'claimNames'>;

const none: Amounts = Object.freeze({});

export function* validateContainerResources(
  resources: ResourceRequirements | undefined,
  field: string,
  known: Known,
): Iterable<FieldError> {
  if (!resources) return;
  yield* validateRequirements(resources, field, known, validateContainerResourceName);
}

function* validateRequirements(
  { limits = none, requests = none, claims }: ResourceRequirements,
  field: string,
  known: Known,
  checkName: NameCheck,
): Iterable<FieldError> {
  let hasCompute = false;
  let hasHugePages = false;
  for (const name of Object.keys(limits)) {
    yield* validateAmount(name, limits[name]!, { field: `${field}.limits`, checkName, known });
    hasCompute ||= name === 'cpu' || name === 'memory';
    hasHugePages ||= isHugePages(name);
  }
  for (const name of Object.keys(requests)) {
    yield* validateRequest(name, { limits, requests }, field, { known, checkName });
    hasCompute ||= name === 'cpu' || name === 'memory';
    hasHugePages ||= isHugePages(name);
  }
  if (hasHugePages && !hasCompute) {
    yield forbiddenValue(field, 'HugePages require cpu or memory');
  }
  if (claims) yield* validateClaimNames(claims, `${field}.claims`, known.claimNames);
}

interface AmountRules {
  readonly field: string;
  readonly checkName: NameCheck;
  readonly known: Known;
}

function* validateAmount(
  name: string,
  amount: string,
  { field, checkName, known }: AmountRules,
): Iterable<FieldError> {
  const path = `${field}[${name}]`;
  yield* checkName(name, path);
  yield* validateResourceAmount(name, amount, path);
  if (isHugePages(name)) yield* validatePages(name, amount, path, known);
}

function* validatePages(
  name: string,
  amount: string,
  field: string,
  { allows }: Known,
): Iterable<FieldError> {
  if (allows.indivisibleHugePages || isDivisibleIntoPages(name, amount)) return;
  yield invalidValue(field, amount, `${amount} is not positive integer multiple of ${name}`);
}

function* validateRequest(
  name: string,
  { limits, requests }: { readonly limits: Amounts; readonly requests: Amounts },
  field: string,
  { known, checkName }: Omit<AmountRules, 'field'>,
): Iterable<FieldError> {
  const amount = requests[name]!;
  const path = `${field}.requests[${name}]`;
  yield* checkName(name, path);
  yield* validateResourceAmount(name, amount, path);
  const limit = limits[name];
  if (limit === undefined) {
    if (!isOvercommittable(name)) {
      yield required(`${field}.limits`, 'Limit must be set for non overcommitable resources');
    }
  } else if (limit !== amount) {
    const difference = compareAmounts(amount, limit);
    if (difference !== 0 && !isOvercommittable(name)) {
      yield invalidValue(`${field}.requests`, amount, `must be equal to ${name} limit of ${limit}`);
    } else if (difference > 0) {
      yield invalidValue(
        `${field}.requests`,
        amount,
        `must be less than or equal to ${name} limit of ${limit}`,
      );
    }
  }
  if (isHugePages(name)) yield* validatePages(name, amount, path, known);
}

function* validateClaimNames(
  claims: readonly ResourceClaim[],
  field: string,
  podClaims: ReadonlySet<string>,
): Iterable<FieldError> {
  const seen = new Set<string>();
  for (const [index, { name = '', request = '' }] of claims.entries()) {
    const path = `${field}[${index}]`;
    if (!name) {
      yield required(path);
      continue;
    }
    if (seen.has(name)) yield duplicateValue(path, name);
    else {
      const key = request ? `${name}/${request}` : name;
      if (request) yield* invalidEach(`${path}.request`, request, dns1123Label(request));
      if (seen.has(key)) yield duplicateValue(path, key);
      else if (!request) {
        for (const other of seen) {
          if (other.startsWith(`${name}/`)) yield duplicateValue(path, name);
        }
      }
      seen.add(key);
    }
    if (!podClaims.has(name)) yield unknownClaim(path, name, podClaims);
  }
}

function unknownClaim(field: string, name: string, podClaims: ReadonlySet<string>): FieldError {
  const known = podClaims.size === 0 ? ' which is empty' : `: ${[...podClaims].sort().join(', ')}`;
  return {
    type: 'FieldValueNotFound',
    field,
    message: `Not found: ${JSON.stringify(name)}: must be one of the names in pod.spec.resourceClaims${known}`,
  };
}

const resizable = ['cpu', 'memory'];
const resizePolicies = ['NotRequired', 'RestartContainer'];

interface ResizePolicy {
  readonly resourceName: string;
  readonly restartPolicy: string;
}

export function* validateResizePolicies(
  policies: readonly ResizePolicy[],
  field: string,
  podRestartPolicy: string,
): Iterable<FieldError> {
  const seen = new Set<string>();
  for (const [index, { resourceName = '', restartPolicy = '' }] of policies.entries()) {
    if (seen.has(resourceName)) yield duplicateValue(`${field}[${index}]`, resourceName);
    seen.add(resourceName);
    if (!resourceName) yield required(field);
    else if (!resizable.includes(resourceName)) {
      yield notSupported(field, resourceName, resizable);
    }
    if (!restartPolicy) yield required(field);
    else if (!resizePolicies.includes(restartPolicy)) {
      yield notSupported(field, restartPolicy, resizePolicies);
    }
    if (podRestartPolicy === 'Never' && restartPolicy !== 'NotRequired') {
      yield invalidValue(
        field,
        restartPolicy,
        "must be 'NotRequired' when pod `restartPolicy` is 'Never'",
      );
    }
  }
}

/** Resources of the pod as a whole. */
export function* validatePodResources(
  spec: PodSpec,
  field: string,
  known: Known,
): Iterable<FieldError> {
  const { resources } = spec;
  if (!resources) return;
  const path = `${field}.resources`;
  if (spec.os?.name === 'windows') {
    yield forbiddenValue(path, 'may not be set for a windows pod');
    return;
  }
  if (resources.claims !== undefined) {
    yield forbiddenValue(`${path}.claims`, 'claims may not be set for Resources at pod-level');
  }
  yield* validateRequirements(resources, path, known, validatePodResourceName);
  yield* validateConsistency(spec, resources, path);
}

export function isPodLevelResource(name: string): boolean {
  return name === 'cpu' || name === 'memory' || isHugePages(name);
}

function* validatePodResourceName(name: string, field: string): Iterable<FieldError> {
  const errors = [...validateResourceName(name, field)];
  yield* errors;
  if (errors.length === 0 && !isPodLevelResource(name)) {
    yield notSupported(field, name, ['cpu', 'hugepages-', 'memory']);
  }
}

function* validateConsistency(
  spec: PodSpec,
  { requests = none, limits = none }: ResourceRequirements,
  path: string,
): Iterable<FieldError> {
  for (const [name, amount] of Object.entries(aggregateRequests(spec))) {
    const own = requests[name];
    if (own !== undefined && compareAmounts(amount, own) > 0) {
      yield invalidValue(
        `${path}.requests[${name}]`,
        own,
        `must be greater than or equal to aggregate container requests of ${amount}`,
      );
    }
  }
  for (const [name, amount] of Object.entries(aggregateLimits(spec))) {
    const own = limits[name];
    if (isHugePages(name) && own !== undefined && compareAmounts(amount, own) > 0) {
      yield invalidValue(
        `${path}.limits[${name}]`,
        own,
        `must be greater than or equal to aggregate container limits of ${amount}`,
      );
    }
  }
  for (const [index, container] of spec.containers.entries()) {
    for (const [name, amount] of Object.entries(container.resources?.limits ?? none)) {
      const own = limits[name];
      if (own !== undefined && compareAmounts(amount, own) > 0) {
        yield invalidValue(
          `${path}.containers[${index}][${name}].limits`,
          amount,
          `must be less than or equal to pod limits of ${own}`,
        );
      }
    }
  }
}
