import type {
  CrossVersionObjectReference,
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerSpec,
  HPAScalingRules,
  MetricIdentifier,
  MetricSpec,
  MetricTarget,
} from '#shared/api/types/autoscaling-v2.ts';
import { validateContainerResourceName } from '#shared/api/core/resource-names.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach, isClean, nonNegativeQuantity, signOf } from '#shared/kube/checks.ts';
import { forbiddenValue, invalidValue, notSupported, required } from '#shared/kube/field-error.ts';
import { dns1123Label, pathSegment } from '#shared/kube/names.ts';

interface ReferenceRules {
  readonly allowsNoGroup: boolean;
  readonly allowsAnyVersion: boolean;
}

interface Rules {
  readonly minReplicas: number;
  readonly target: ReferenceRules;
  readonly objects: ReferenceRules;
}

/** What an older version had, newer ones may keep. */
export function rulesFor(
  { scaleTargetRef: target }: HorizontalPodAutoscalerSpec,
  old: HorizontalPodAutoscalerSpec | undefined,
): Rules {
  const isSameTarget =
    (old?.scaleTargetRef.apiVersion ?? '') === (target.apiVersion ?? '') &&
    old?.scaleTargetRef.kind === target.kind;
  const objects = { allowsNoGroup: true, allowsAnyVersion: false };
  const hadBadObject = (old?.metrics ?? []).some(
    ({ type, object }) =>
      type === 'Object' && object && !isClean(validateVersion(object.describedObject, '', objects)),
  );
  return {
    minReplicas: old?.minReplicas === 0 ? 0 : 1,
    target: {
      allowsAnyVersion: old !== undefined && isSameTarget,
      allowsNoGroup: target.kind === 'ReplicationController',
    },
    objects: { ...objects, allowsAnyVersion: hadBadObject },
  };
}

export function* validateAutoscaler(
  { spec }: HorizontalPodAutoscaler,
  rules: Rules,
): Iterable<FieldError> {
  const { minReplicas: min, maxReplicas: max } = spec;
  if (min !== undefined && min < rules.minReplicas) {
    yield invalidValue(
      'spec.minReplicas',
      min,
      `must be greater than or equal to ${rules.minReplicas}`,
    );
  }
  if (max === 0) yield required('spec.maxReplicas', 'must be set and greater than 0');
  else if (max < 0) {
    yield invalidValue('spec.maxReplicas', max, 'must be greater than or equal to 1');
  }
  if (min !== undefined && max < min) {
    yield invalidValue('spec.maxReplicas', max, 'must be greater than or equal to `minReplicas`');
  }
  yield* validateReference(spec.scaleTargetRef, 'spec.scaleTargetRef', rules.target);
  yield* validateMetrics(spec, rules.objects);
  yield* validateRules(spec.behavior?.scaleUp, 'spec.behavior.scaleUp');
  yield* validateRules(spec.behavior?.scaleDown, 'spec.behavior.scaleDown');
}

function* validateReference(
  reference: CrossVersionObjectReference,
  field: string,
  rules: ReferenceRules,
): Iterable<FieldError> {
  for (const member of ['kind', 'name'] as const) {
    const value = reference[member];
    if (!value) yield required(`${field}.${member}`);
    else yield* invalidEach(`${field}.${member}`, value, pathSegment(value));
  }
  yield* validateVersion(reference, `${field}.apiVersion`, rules);
}

function* validateVersion(
  { apiVersion = '' }: CrossVersionObjectReference,
  field: string,
  { allowsAnyVersion, allowsNoGroup }: ReferenceRules,
): Iterable<FieldError> {
  if (allowsAnyVersion) return;
  const parts = apiVersion.split('/');
  if (parts.length > 2) {
    yield invalidValue(field, apiVersion, `unexpected GroupVersion string: ${apiVersion}`);
  } else if (!allowsNoGroup && (parts.length === 1 || parts[0] === '')) {
    yield invalidValue(field, apiVersion, 'apiVersion must specify API group');
  }
}

const sources = ['object', 'external', 'pods', 'resource', 'containerResource'] as const;
const sourceTypes: Readonly<Record<string, (typeof sources)[number]>> = {
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
  External: 'external',
  ContainerResource: 'containerResource',
};

function* validateMetrics(
  { metrics = [], minReplicas }: HorizontalPodAutoscalerSpec,
  rules: ReferenceRules,
): Iterable<FieldError> {
  for (const [index, metric] of metrics.entries()) {
    yield* validateMetric(metric, `spec.metrics[${index}]`, rules);
  }
  const canWake = metrics.some(({ type }) => type === 'Object' || type === 'External');
  if (minReplicas === 0 && !canWake) {
    yield forbiddenValue(
      'spec.metrics',
      'must specify at least one Object or External metric to support scaling to zero replicas',
    );
  }
}

function* validateMetric(
  metric: MetricSpec,
  field: string,
  rules: ReferenceRules,
): Iterable<FieldError> {
  const { type } = metric;
  const expected = sourceTypes[type];
  const unknown = notSupported(`${field}.type`, type, Object.keys(sourceTypes));
  if (!type) yield required(`${field}.type`, 'must specify a metric source type');
  if (!expected) yield unknown;
  const present = sources.filter((source) => metric[source] !== undefined);
  const [first] = present;
  if (first) yield* validateSource(metric, first, `${field}.${first}`, rules);
  if (!expected) yield unknown;
  else if (metric[expected] === undefined) {
    yield required(`${field}.${expected}`, 'must populate information for the given metric source');
  }
  if (present.length === 1) return;
  for (const source of present) {
    if (source === expected) continue;
    yield forbiddenValue(`${field}.${source}`, 'must populate the given metric source only');
  }
}

function* validateSource(
  metric: MetricSpec,
  source: (typeof sources)[number],
  field: string,
  rules: ReferenceRules,
): Iterable<FieldError> {
  const { object, external, pods, resource, containerResource } = metric;
  if (source === 'object' && object) {
    yield* validateReference(object.describedObject, `${field}.describedObject`, rules);
    yield* validateIdentifier(object.metric, `${field}.metric`);
    yield* validateTarget(object.target, `${field}.target`);
    const { value, averageValue } = object.target;
    if (value === undefined && averageValue === undefined) {
      yield required(
        `${field}.target.averageValue`,
        'must set either a target value or averageValue',
      );
    }
  } else if (source === 'external' && external) {
    yield* validateIdentifier(external.metric, `${field}.metric`);
    yield* validateTarget(external.target, `${field}.target`);
    yield* validateExternal(external.target, `${field}.target`);
  } else if (source === 'pods' && pods) {
    yield* validateIdentifier(pods.metric, `${field}.metric`);
    yield* validateTarget(pods.target, `${field}.target`);
    if (pods.target.averageValue === undefined) {
      yield required(`${field}.target.averageValue`, 'must specify a positive target averageValue');
    }
  } else if (source === 'resource' && resource) {
    if (!resource.name) yield required(`${field}.name`, 'must specify a resource name');
    yield* validateUtilization(resource.target, `${field}.target`);
  } else if (containerResource) {
    const { name, container, target } = containerResource;
    if (!name) yield required(`${field}.name`, 'must specify a resource name');
    else yield* validateContainerResourceName(name, `${field}.name`);
    if (!container) yield required(`${field}.container`, 'must specify a container');
    else yield* invalidEach(`${field}.container`, container, dns1123Label(container));
    yield* validateUtilization(target, `${field}.target`);
  }
}

function* validateExternal(
  { value, averageValue }: MetricTarget,
  field: string,
): Iterable<FieldError> {
  if (value === undefined && averageValue === undefined) {
    yield required(
      `${field}.averageValue`,
      'must set either a target value for metric or a per-pod target',
    );
  }
  if (value !== undefined && averageValue !== undefined) {
    yield forbiddenValue(
      `${field}.value`,
      'may not set both a target value for metric and a per-pod target',
    );
  }
}

function* validateUtilization(target: MetricTarget, field: string): Iterable<FieldError> {
  yield* validateTarget(target, field);
  const { averageUtilization, averageValue } = target;
  if (averageUtilization === undefined && averageValue === undefined) {
    yield required(
      `${field}.averageUtilization`,
      'must set either a target raw value or a target utilization',
    );
  }
  if (averageUtilization !== undefined && averageValue !== undefined) {
    yield forbiddenValue(
      `${field}.averageValue`,
      'may not set both a target raw value and a target utilization',
    );
  }
}

function* validateTarget(target: MetricTarget, field: string): Iterable<FieldError> {
  const { type, averageUtilization } = target;
  if (!type) yield required(`${field}.type`, 'must specify a metric target type');
  if (type !== 'Utilization' && type !== 'Value' && type !== 'AverageValue') {
    yield invalidValue(`${field}.type`, type, 'must be either Utilization, Value, or AverageValue');
  }
  for (const member of ['value', 'averageValue'] as const) {
    const amount = target[member];
    if (amount !== undefined && signOf(amount) !== 1) {
      yield invalidValue(`${field}.${member}`, amount, 'must be positive');
    }
  }
  if (averageUtilization !== undefined && averageUtilization < 1) {
    yield invalidValue(`${field}.averageUtilization`, averageUtilization, 'must be greater than 0');
  }
}

function* validateIdentifier({ name }: MetricIdentifier, field: string): Iterable<FieldError> {
  if (!name) yield required(`${field}.name`, 'must specify a metric name');
  else yield* invalidEach(`${field}.name`, name, pathSegment(name));
}

function* validateRules(rules: HPAScalingRules | undefined, field: string): Iterable<FieldError> {
  if (!rules) return;
  const { stabilizationWindowSeconds: window, selectPolicy, policies, tolerance } = rules;
  const path = `${field}.stabilizationWindowSeconds`;
  if (window !== undefined && window < 0) {
    yield invalidValue(path, window, 'must be greater than or equal to zero');
  }
  if (window !== undefined && window > 3600) {
    yield invalidValue(path, window, 'must be less than or equal to 3600');
  }
  const selections = ['Disabled', 'Max', 'Min'];
  if (selectPolicy !== undefined && !selections.includes(selectPolicy)) {
    yield notSupported(`${field}.selectPolicy`, selectPolicy, selections);
  }
  if (!policies?.length) {
    yield required(`${field}.policies`, 'must specify at least one Policy');
  }
  for (const [index, { type, value, periodSeconds }] of (policies ?? []).entries()) {
    const at = `${field}.policies[${index}]`;
    if (type !== 'Pods' && type !== 'Percent') {
      yield notSupported(`${at}.type`, type, ['Percent', 'Pods']);
    }
    if (value <= 0) yield invalidValue(`${at}.value`, value, 'must be greater than zero');
    if (periodSeconds <= 0) {
      yield invalidValue(`${at}.periodSeconds`, periodSeconds, 'must be greater than zero');
    }
    if (periodSeconds > 1800) {
      yield invalidValue(
        `${at}.periodSeconds`,
        periodSeconds,
        'must be less than or equal to 1800',
      );
    }
  }
  if (tolerance !== undefined) yield* nonNegativeQuantity(tolerance, `${field}.tolerance`);
}
