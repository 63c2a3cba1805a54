import type { Device, DeviceAttribute, DeviceTaint } from '#shared/api/types/resource-v1.ts';
import { validateNodeSelector } from '#shared/api/core/node-selector.ts';
import {
  noDuplicates,
  taintEffects,
  validateAttributeName,
  validateEach,
} from '#shared/api/resource/device-rules.ts';
import { invalidEach } from '#shared/kube/checks.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import {
  forbiddenValue,
  invalidValue,
  notSupported,
  required,
  tooLong,
} from '#shared/kube/field-error.ts';
import { byteLength, dns1123Label, dns1123Subdomain, labelValue } from '#shared/kube/names.ts';
import { validateLabelName } from '#shared/kube/object-meta.ts';

interface Place {
  readonly old: Device | undefined;
  /** Devices say themselves which nodes reach them. */
  readonly hasOwnPlace: boolean;
}

const mostProperties = 32;
const mostTaints = 16;
const mostConsumptions = 2;
const mostConditions = 4;
const longestValue = 64;
const semanticVersion =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/;

export function* validateDevice(device: Device, field: string, place: Place): Iterable<FieldError> {
  const { attributes = {}, capacity = {}, taints, consumesCounters } = device;
  const name = device.name ?? '';
  yield* invalidEach(`${field}.name`, name, dns1123Label(name));
  const count = Object.keys(attributes).length + Object.keys(capacity).length;
  if (count > mostProperties) {
    const detail = `the total number of attributes and capacities must not exceed ${mostProperties}`;
    yield invalidValue(field, count, detail);
  }
  for (const [key, attribute] of Object.entries(attributes)) {
    yield* validateAttributeName(key, `${field}.attributes`);
    yield* validateAttribute(attribute, `${field}.attributes[${key}]`);
  }
  for (const [key, { requestPolicy }] of Object.entries(capacity)) {
    yield* validateAttributeName(key, `${field}.capacity`);
    if (requestPolicy && !device.allowMultipleAllocations) {
      yield forbiddenValue(
        `${field}.capacity[${key}].requestPolicy`,
        'allowMultipleAllocations must be true',
      );
    }
  }
  if (!place.old || !semanticEqual(place.old.taints, taints)) {
    yield* validateEach(taints, `${field}.taints`, mostTaints, validateTaint);
  }
  const path = `${field}.consumesCounters`;
  yield* validateEach(consumesCounters, path, mostConsumptions, function* (item, at) {
    if (item.counterSet) {
      yield* invalidEach(`${at}.counterSet`, item.counterSet, dns1123Label(item.counterSet));
    } else yield required(`${at}.counterSet`);
    if (Object.keys(item.counters ?? {}).length === 0) yield required(`${at}.counters`);
  });
  yield* noDuplicates(
    (consumesCounters ?? []).map(({ counterSet }) => counterSet ?? ''),
    path,
  );
  yield* validatePlace(device, field, place.hasOwnPlace);
  yield* validateBinding(device, field);
}

function* validateAttribute(attribute: DeviceAttribute, field: string): Iterable<FieldError> {
  const { string: text, version } = attribute;
  if (text !== undefined && byteLength(text) > longestValue) {
    yield tooLong(`${field}.string`, longestValue);
  }
  if (version !== undefined) {
    if (!semanticVersion.test(version)) {
      yield invalidValue(
        `${field}.version`,
        version,
        'must be a string compatible with semver.org spec 2.0.0',
      );
    }
    if (byteLength(version) > longestValue) yield tooLong(`${field}.version`, longestValue);
  }
  const values = Object.values(attribute).filter((value) => value !== undefined);
  if (values.length !== 1) {
    const shown = values.length === 0 ? '' : attribute;
    yield invalidValue(field, shown, 'exactly one value must be specified');
  }
}

function* validateTaint({ key, value, effect }: DeviceTaint, field: string): Iterable<FieldError> {
  yield* validateLabelName(key ?? '', `${field}.key`);
  if (value) yield* invalidEach(`${field}.value`, value, labelValue(value));
  if (!effect) yield required(`${field}.effect`);
  else if (!taintEffects.includes(effect)) {
    yield notSupported(`${field}.effect`, effect, taintEffects);
  }
}

function* validatePlace(
  { nodeName, nodeSelector, allNodes }: Device,
  field: string,
  hasOwnPlace: boolean,
): Iterable<FieldError> {
  const given = [nodeName, nodeSelector, allNodes].filter((value) => value !== undefined);
  if (!hasOwnPlace) {
    if (given.length > 0) {
      yield invalidValue(
        field,
        null,
        '`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec',
      );
    }
    return;
  }
  if (nodeName) yield* invalidEach(`${field}.nodeName`, nodeName, dns1123Subdomain(nodeName));
  else if (nodeName === '') yield invalidValue(`${field}.nodeName`, '', 'must not be empty');
  if (nodeSelector) yield* validateNodeSelector(nodeSelector, `${field}.nodeSelector`);
  if (allNodes === false) {
    yield invalidValue(`${field}.allNodes`, false, 'must be either unset or set to true');
  }
  const set = given.filter(Boolean);
  const detail =
    'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec';
  if (set.length === 0) yield required(field, detail);
  else if (set.length > 1) yield invalidValue(field, '', detail);
}

function* validateBinding(
  { bindingConditions: wanted = [], bindingFailureConditions: failures = [] }: Device,
  field: string,
): Iterable<FieldError> {
  const wantedField = `${field}.bindingConditions`;
  const failureField = `${field}.bindingFailureConditions`;
  yield* validateEach(wanted, wantedField, mostConditions, validateLabelName);
  yield* validateEach(failures, failureField, mostConditions, validateLabelName);
  yield* noDuplicates(wanted, wantedField);
  yield* noDuplicates(failures, failureField);
  for (const [index, condition] of failures.entries()) {
    if (!wanted.includes(condition)) continue;
    yield invalidValue(
      `${failureField}[${index}]`,
      condition,
      'bindingFailureConditions must not overlap with bindingConditions',
    );
  }
  if (wanted.length === 0 && failures.length > 0) {
    yield invalidValue(
      wantedField,
      wanted,
      'bindingConditions are required to use bindingFailureConditions',
    );
  }
  if (failures.length === 0 && wanted.length > 0) {
    yield invalidValue(
      failureField,
      failures,
      'bindingFailureConditions are required to use bindingConditions',
    );
  }
}
