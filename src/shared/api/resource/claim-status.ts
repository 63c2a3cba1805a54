import type {
  AllocatedDeviceStatus,
  AllocationResult,
  DeviceRequestAllocationResult,
  NetworkDeviceData,
  ResourceClaim,
  ResourceClaimConsumerReference,
} from '#shared/api/types/resource-v1.ts';
import { validateNodeSelector } from '#shared/api/core/node-selector.ts';
import { validateCsiDriverName } from '#shared/api/core/volume/network-storage.ts';
import { validateReference } from '#shared/api/resource/claim-spec.ts';
import {
  mostItems,
  noDuplicates,
  validateConfiguration,
  validateEach,
  validatePoolName,
  validateRawObject,
} from '#shared/api/resource/device-rules.ts';
import { invalidEach, requireText, unchanged } from '#shared/kube/checks.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import {
  forbiddenValue,
  invalidValue,
  notOneOf,
  required,
  tooLong,
  tooMany,
} from '#shared/kube/field-error.ts';
import { parseCidr } from '#shared/kube/ip.ts';
import { byteLength, dns1123Label } from '#shared/kube/names.ts';
import { validateConditions } from '#shared/kube/object-meta.ts';

const mostConsumers = 256;
const mostConditions = 8;
const mostIps = 16;
const sources = ['FromClaim', 'FromClass'];

export function* validateClaimStatus(
  { metadata, status }: ResourceClaim,
  { status: old }: ResourceClaim,
  names: ReadonlySet<string>,
): Iterable<FieldError> {
  const { allocation, reservedFor = [], devices = [] } = status;
  const field = 'status.reservedFor';
  yield* validateEach(reservedFor, field, mostConsumers, validateConsumer);
  yield* noDuplicates(
    reservedFor.map(({ uid }) => uid ?? ''),
    field,
  );
  const allocated = new Set((allocation?.devices.results ?? []).map(identityOf));
  for (const [index, device] of devices.entries()) {
    yield* validateDeviceStatus(device, `status.devices[${index}]`, allocated);
  }
  yield* noDuplicates(devices.map(identityOf), 'status.devices');
  if (reservedFor.length > 0 && !allocation) {
    yield forbiddenValue(field, 'may not be specified when `allocated` is not set');
  } else if (metadata.deletionTimestamp) {
    const known = new Set((old.reservedFor ?? []).map(({ uid }) => uid));
    if (reservedFor.some(({ uid }) => !known.has(uid))) {
      yield forbiddenValue(
        field,
        'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set',
      );
    }
  }
  if (!allocation) return;
  if (old.allocation) yield* unchanged(allocation, old.allocation, 'status.allocation');
  else yield* validateAllocation(allocation, 'status.allocation', names);
}

interface DeviceId {
  readonly driver: string;
  readonly pool: string;
  readonly device: string;
  readonly shareID?: string;
}

function identityOf({ driver, pool, device, shareID = '' }: DeviceId): string {
  return [driver, pool, device, ...(shareID ? [shareID] : [])].join('/');
}

function* validateConsumer(
  consumer: ResourceClaimConsumerReference,
  field: string,
): Iterable<FieldError> {
  for (const member of ['resource', 'name', 'uid'] as const) {
    yield* requireText(consumer[member], `${field}.${member}`);
  }
}

function* validateAllocation(
  { devices, nodeSelector }: AllocationResult,
  field: string,
  names: ReadonlySet<string>,
): Iterable<FieldError> {
  const path = `${field}.devices`;
  yield* validateEach(devices.results, `${path}.results`, mostItems, (result, place) =>
    validateResult(result, place, names),
  );
  yield* validateEach(devices.config, `${path}.config`, 2 * mostItems, function* (item, place) {
    if (!item.source) yield required(`${place}.source`);
    else if (!sources.includes(item.source)) {
      yield notOneOf(`${place}.source`, item.source, sources);
    }
    const requests = item.requests ?? [];
    yield* validateEach(requests, `${place}.requests`, mostItems, (name, at) =>
      validateReference(name, at, names),
    );
    yield* noDuplicates(requests, `${place}.requests`);
    yield* validateConfiguration(item, place);
  });
  if (nodeSelector) yield* validateNodeSelector(nodeSelector, `${field}.nodeSelector`);
}

function* validateResult(
  result: DeviceRequestAllocationResult,
  field: string,
  names: ReadonlySet<string>,
): Iterable<FieldError> {
  yield* validateReference(result.request ?? '', `${field}.request`, names);
  yield* validateDeviceId(result, field);
}

function* validateDeviceId(
  { driver, pool, device }: DeviceId,
  field: string,
): Iterable<FieldError> {
  yield* validateCsiDriverName(driver ?? '', `${field}.driver`);
  yield* validatePoolName(pool, `${field}.pool`);
  yield* invalidEach(`${field}.device`, device ?? '', dns1123Label(device ?? ''));
}

function* validateDeviceStatus(
  status: AllocatedDeviceStatus,
  field: string,
  allocated: ReadonlySet<string>,
): Iterable<FieldError> {
  yield* validateDeviceId(status, field);
  const identity = identityOf(status);
  if (!allocated.has(identity)) {
    yield invalidValue(field, identity, 'must be an allocated device in the claim');
  }
  const conditions = status.conditions ?? [];
  if (conditions.length > mostConditions) {
    yield tooMany(`${field}.conditions`, conditions.length, mostConditions);
  }
  yield* validateConditions(conditions, `${field}.conditions`);
  if (status.data !== undefined && status.data !== null) {
    yield* validateRawObject(status.data, `${field}.data`);
  }
  if (status.networkData) yield* validateNetworkData(status.networkData, `${field}.networkData`);
}

function* validateNetworkData(
  { interfaceName = '', hardwareAddress = '', ips = [] }: NetworkDeviceData,
  field: string,
): Iterable<FieldError> {
  if (byteLength(interfaceName) > 256) yield tooLong(`${field}.interfaceName`, 256);
  if (byteLength(hardwareAddress) > 128) yield tooLong(`${field}.hardwareAddress`, 128);
  yield* validateEach(ips, `${field}.ips`, mostIps, function* (address, place) {
    if (parseCidr(address)) return;
    yield invalidValue(
      place,
      address,
      'must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)',
    );
  });
  yield* noDuplicates(ips, `${field}.ips`);
}
