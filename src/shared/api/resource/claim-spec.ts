import type {
  DeviceClaim,
  DeviceConstraint,
  DeviceRequest,
  DeviceSubRequest,
  ExactDeviceRequest,
  ResourceClaimSpec,
} from '#shared/api/types/resource-v1.ts';
import {
  mostItems,
  noDuplicates,
  validateConfiguration,
  validateEach,
  validateFullName,
  validateSelector,
  validateToleration,
} from '#shared/api/resource/device-rules.ts';
import { invalidEach } from '#shared/kube/checks.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidValue, notOneOf, required } from '#shared/kube/field-error.ts';
import { dns1123Label, dns1123Subdomain } from '#shared/kube/names.ts';
import type { Draft } from '#shared/kube/object.ts';

const mostAlternatives = 8;
const mostTolerations = 16;
const modes = ['All', 'ExactCount'];

export function defaultClaimSpec({ devices }: Draft<ResourceClaimSpec>): void {
  for (const { exactly, firstAvailable = [] } of devices.requests ?? []) {
    for (const request of [...(exactly ? [exactly] : []), ...firstAvailable]) {
      if (!request.allocationMode) request.allocationMode = 'ExactCount';
      if (request.allocationMode === 'ExactCount' && !request.count) request.count = 1;
      for (const toleration of request.tolerations ?? []) {
        if (!toleration.operator) toleration.operator = 'Equal';
      }
    }
  }
}

export function* validateClaimSpec(
  { devices }: ResourceClaimSpec,
  field: string,
): Iterable<FieldError> {
  const path = `${field}.devices`;
  const names = requestNames(devices);
  const { requests, constraints, config } = devices;
  yield* validateEach(requests ?? undefined, `${path}.requests`, mostItems, validateRequest);
  yield* noDuplicates(
    (requests ?? []).map(({ name }) => name ?? ''),
    `${path}.requests`,
  );
  yield* validateEach(constraints, `${path}.constraints`, mostItems, (item, place) =>
    validateConstraint(item, place, names),
  );
  yield* validateEach(config, `${path}.config`, mostItems, function* (item, place) {
    yield* validateReferences(item.requests ?? [], `${place}.requests`, names);
    yield* validateConfiguration(item, place);
  });
}

/** `request`, and `request/alternative` where it has some. */
export function requestNames({ requests }: DeviceClaim): ReadonlySet<string> {
  return new Set(
    (requests ?? []).flatMap(({ name, firstAvailable = [] }) => [
      name ?? '',
      ...firstAvailable.map((alternative) => `${name}/${alternative.name}`),
    ]),
  );
}

function* validateRequest(
  { name, exactly, firstAvailable }: DeviceRequest,
  field: string,
): Iterable<FieldError> {
  yield* invalidEach(`${field}.name`, name ?? '', dns1123Label(name ?? ''));
  const one = 'exactly one of `exactly` or `firstAvailable` is required';
  const hasAlternatives = Boolean(firstAvailable?.length);
  if (exactly && hasAlternatives) {
    yield invalidValue(field, null, `${one}, but multiple fields are set`);
  } else if (exactly) yield* validateExact(exactly, `${field}.exactly`);
  else if (hasAlternatives) {
    const path = `${field}.firstAvailable`;
    yield* validateEach(firstAvailable, path, mostAlternatives, validateAlternative);
    yield* noDuplicates(
      firstAvailable!.map((item) => item.name ?? ''),
      path,
    );
  } else yield required(field, one);
}

function* validateAlternative(request: DeviceSubRequest, field: string): Iterable<FieldError> {
  const name = request.name ?? '';
  yield* invalidEach(`${field}.name`, name, dns1123Label(name));
  yield* validateExact(request, field);
}

function* validateExact(
  request: DeviceSubRequest | ExactDeviceRequest,
  field: string,
): Iterable<FieldError> {
  const { deviceClassName: name, selectors, allocationMode: mode, count = 0 } = request;
  if (name) yield* invalidEach(`${field}.deviceClassName`, name, dns1123Subdomain(name));
  else yield required(`${field}.deviceClassName`);
  yield* validateEach(selectors, `${field}.selectors`, mostItems, validateSelector);
  if (mode === 'All') {
    if (count !== 0) {
      const detail = "must not be specified when allocationMode is 'All'";
      yield invalidValue(`${field}.count`, count, detail);
    }
  } else if (mode !== 'ExactCount') {
    yield notOneOf(`${field}.allocationMode`, mode ?? '', modes);
  } else if (count <= 0) {
    yield invalidValue(`${field}.count`, count, 'must be greater than zero');
  }
  yield* validateEach(
    request.tolerations,
    `${field}.tolerations`,
    mostTolerations,
    validateToleration,
  );
}

function* validateConstraint(
  constraint: DeviceConstraint,
  field: string,
  names: ReadonlySet<string>,
): Iterable<FieldError> {
  const { matchAttribute, distinctAttribute, requests = [] } = constraint;
  yield* validateReferences(requests, `${field}.requests`, names);
  if (matchAttribute !== undefined) {
    yield* validateFullName(matchAttribute, `${field}.matchAttribute`);
  } else if (distinctAttribute !== undefined) {
    yield* validateFullName(distinctAttribute, `${field}.distinctAttribute`);
  } else {
    yield required(
      field,
      'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set',
    );
  }
}

function* validateReferences(
  references: readonly string[],
  field: string,
  names: ReadonlySet<string>,
): Iterable<FieldError> {
  yield* validateEach(references, field, mostItems, (name, place) =>
    validateReference(name, place, names),
  );
  yield* noDuplicates(references, field);
}

export function* validateReference(
  name: string,
  field: string,
  names: ReadonlySet<string>,
): Iterable<FieldError> {
  const unknown =
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
  const segments = name.split('/');
  if (segments.length > 2) yield invalidValue(field, name, unknown);
  for (const segment of segments) yield* invalidEach(field, segment, dns1123Label(segment));
  if (!names.has(name)) yield invalidValue(field, name, unknown);
}
