import type { CounterSet, Device, ResourceSliceSpec } from '#shared/api/types/resource-v1.ts';
import { validateNodeSelector } from '#shared/api/core/node-selector.ts';
import { validateCsiDriverName } from '#shared/api/core/volume/network-storage.ts';
import { validateDevice } from '#shared/api/resource/device.ts';
import { noDuplicates, validateEach, validatePoolName } from '#shared/api/resource/device-rules.ts';
import { invalidEach, unchanged } from '#shared/kube/checks.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidValue, required, tooMany } from '#shared/kube/field-error.ts';
import { dns1123Label, dns1123Subdomain } from '#shared/kube/names.ts';

type Spec = ResourceSliceSpec;

const mostDevices = 128;
const mostAdvancedDevices = 64;
const mostCounterSets = 8;
const mostCounters = 32;
const onlyOne =
  'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';

export function* validateSliceSpec(spec: Spec, old: Spec | undefined): Iterable<FieldError> {
  const { driver, pool, devices, sharedCounters, perDeviceNodeSelection } = spec;
  yield* validateCsiDriverName(driver ?? '', 'spec.driver');
  yield* validatePool(pool);
  if (old) {
    yield* unchanged(pool.name ?? '', old.pool.name, 'spec.pool.name');
    yield* unchanged(driver ?? '', old.driver, 'spec.driver');
    yield* unchanged(spec.nodeName, old.nodeName, 'spec.nodeName');
  }
  yield* validatePlace(spec);
  if (sharedCounters && devices) {
    yield invalidValue('spec', '', 'only one of `sharedCounters` or `devices` is allowed');
  }
  const isAdvanced = (devices ?? []).some(
    ({ taints, consumesCounters }) => taints?.length || consumesCounters?.length,
  );
  const most = isAdvanced ? mostAdvancedDevices : mostDevices;
  const before = new Map((old?.devices ?? []).map((device) => [device.name, device]));
  yield* validateEach(devices, 'spec.devices', most, (device: Device, field) =>
    validateDevice(device, field, {
      old: before.get(device.name),
      hasOwnPlace: perDeviceNodeSelection === true,
    }),
  );
  yield* noDuplicates(
    (devices ?? []).map(({ name }) => name ?? ''),
    'spec.devices',
  );
  const field = 'spec.sharedCounters';
  yield* validateEach(sharedCounters, field, mostCounterSets, validateCounterSet);
  yield* noDuplicates(
    (sharedCounters ?? []).map(({ name }) => name ?? ''),
    field,
  );
}

function* validatePool(pool: Spec['pool']): Iterable<FieldError> {
  const { name, resourceSliceCount: count, generation } = pool;
  yield* validatePoolName(name, 'spec.pool.name');
  if (count <= 0) {
    yield invalidValue('spec.pool.resourceSliceCount', count, 'must be greater than zero');
  }
  if (generation < 0) {
    yield invalidValue('spec.pool.generation', generation, 'must be greater than or equal to zero');
  }
}

function* validatePlace(spec: Spec): Iterable<FieldError> {
  const { nodeName, nodeSelector } = spec;
  const given: string[] = [];
  if (nodeName) {
    given.push('`nodeName`');
    yield* invalidEach('spec.nodeName', nodeName, dns1123Subdomain(nodeName));
  } else if (nodeName === '') {
    yield invalidValue('spec.nodeName', '', 'must be either unset or set to a non-empty string');
  }
  if (nodeSelector) {
    given.push('`nodeSelector`');
    yield* validateNodeSelector(nodeSelector, 'spec.nodeSelector');
    const terms = nodeSelector.nodeSelectorTerms;
    if (terms?.length !== 1) {
      yield invalidValue(
        'spec.nodeSelector.nodeSelectorTerms',
        terms,
        'must have exactly one node selector term',
      );
    }
  }
  for (const member of ['allNodes', 'perDeviceNodeSelection'] as const) {
    if (spec[member]) given.push(`\`${member}\``);
    else if (spec[member] === false) {
      yield invalidValue(`spec.${member}`, false, 'must be either unset or set to true');
    }
  }
  if (given.length === 0) yield required('spec', onlyOne);
  else if (given.length > 1) {
    yield invalidValue('spec', `{${given.join(', ')}}`, `${onlyOne}, but multiple fields are set`);
  }
}

function* validateCounterSet({ name, counters }: CounterSet, field: string): Iterable<FieldError> {
  if (name) yield* invalidEach(`${field}.name`, name, dns1123Label(name));
  else yield required(`${field}.name`);
  const names = Object.keys(counters ?? {});
  const path = `${field}.counters`;
  if (names.length === 0) yield required(path);
  if (names.length > mostCounters) yield tooMany(path, names.length, mostCounters);
  for (const counter of names) yield* invalidEach(path, counter, dns1123Label(counter));
}
