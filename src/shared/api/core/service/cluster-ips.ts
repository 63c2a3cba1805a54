import type { ServiceSpec } from '#shared/api/types/core-v1.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { legacyIp } from '#shared/kube/checks.ts';
import { duplicateValue, invalidValue, notSupported, required } from '#shared/kube/field-error.ts';
import { isDualStack, isIpv6, parseIp } from '#shared/kube/ip.ts';

const field = 'spec.clusterIPs';
const families = ['IPv4', 'IPv6'];
const policies = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];
const onceSet = 'may not change once set';

/** The addresses of a service, its families and its family policy. */
export function* validateClusterIps(
  spec: ServiceSpec,
  old: ServiceSpec | undefined,
): Iterable<FieldError> {
  if (spec.type === 'ExternalName') return;
  const { clusterIP, clusterIPs = [], ipFamilyPolicy } = spec;
  if (clusterIP) {
    if (clusterIPs.length === 0) yield required(field);
    else if (clusterIPs[0] !== clusterIP) {
      yield invalidValue(field, clusterIPs, 'first value must match `clusterIP`');
    }
  } else if (clusterIPs.length > 0) {
    yield invalidValue(field, clusterIPs, 'must be empty when `clusterIP` is not specified');
  }
  yield* validateFamilies(spec.ipFamilies ?? []);
  if (ipFamilyPolicy !== undefined && !policies.includes(ipFamilyPolicy)) {
    yield notSupported('spec.ipFamilyPolicy', ipFamilyPolicy, policies);
  }
  const errors = [...validateAddresses(clusterIPs, old?.clusterIPs)];
  yield* errors;
  if (clusterIPs.length > 2) yield invalidValue(field, clusterIPs, 'may only hold up to 2 values');
  if (errors.length > 0) return;
  if (clusterIPs.length > 1 && !isDualStack(clusterIPs.map(parseIp))) {
    yield invalidValue(field, clusterIPs, 'may specify no more than one IP for each IP family');
  }
  yield* validateFamiliesOfAddresses(spec);
}

function* validateFamilies(given: readonly string[]): Iterable<FieldError> {
  for (const [index, family] of given.entries()) {
    const path = `spec.ipFamilies[${index}]`;
    if (!families.includes(family)) yield notSupported(path, family, families);
    if (given.indexOf(family) < index) yield duplicateValue(path, family);
  }
}

function* validateAddresses(
  clusterIPs: readonly string[],
  known: readonly string[] | undefined,
): Iterable<FieldError> {
  for (const [index, ip] of clusterIPs.entries()) {
    if (index === 0 && ip === 'None') {
      if (clusterIPs.length > 1) {
        yield invalidValue(field, clusterIPs, "'None' must be the first and only value");
      }
      continue;
    }
    yield* legacyIp(ip, `${field}[${index}]`, known);
  }
}

function* validateFamiliesOfAddresses({
  clusterIPs = [],
  ipFamilies = [],
}: ServiceSpec): Iterable<FieldError> {
  if (clusterIPs[0] === 'None') return;
  for (const [index, ip] of clusterIPs.entries()) {
    const family = ipFamilies[index];
    if (family === undefined) return;
    const isRight = isIpv6(ip) ? family !== 'IPv4' : family !== 'IPv6';
    if (isRight) continue;
    yield invalidValue(
      `${field}[${index}]`,
      ip,
      `expected an ${family} value as indicated by \`ipFamilies[${index}]\``,
    );
  }
}

/** Addresses are given once; only a secondary one may come and go. */
export function* validateClusterIpChange(
  spec: ServiceSpec,
  old: ServiceSpec,
): Iterable<FieldError> {
  if (spec.type === 'ExternalName' || old.type === 'ExternalName') return;
  const { clusterIPs = [] } = spec;
  const { clusterIPs: oldIps = [] } = old;
  if (isNone(clusterIPs) && isNone(oldIps)) return;
  if (oldIps.length === clusterIPs.length) {
    for (const [index, ip] of oldIps.entries()) {
      if (ip !== clusterIPs[index]) yield invalidValue(`${field}[${index}]`, clusterIPs, onceSet);
    }
    return;
  }
  if (clusterIPs.length === 0) {
    yield invalidValue(`${field}[0]`, clusterIPs, 'primary clusterIP can not be unset');
  } else if (oldIps.length > 0 && clusterIPs[0] !== oldIps[0]) {
    yield invalidValue(`${field}[0]`, clusterIPs, onceSet);
  }
  if (oldIps.length > clusterIPs.length && clusterIPs.length === 1) {
    yield* needsSingleStack(spec, 'clusterIP');
  }
}

export function* validateFamilyChange(spec: ServiceSpec, old: ServiceSpec): Iterable<FieldError> {
  if (spec.type === 'ExternalName' || old.type === 'ExternalName') return;
  const wasHeadless = isNone(old.clusterIPs ?? []);
  const isHeadless = isNone(spec.clusterIPs ?? []);
  if (isHeadless || wasHeadless) return;
  const path = 'spec.ipFamilies[0]';
  const { ipFamilies = [], clusterIPs = [] } = spec;
  const { ipFamilies: oldFamilies = [] } = old;
  if (oldFamilies.length === ipFamilies.length) {
    for (const [index, family] of oldFamilies.entries()) {
      if (family !== ipFamilies[index]) yield invalidValue(path, ipFamilies, onceSet);
    }
    return;
  }
  if (oldFamilies.length > ipFamilies.length && clusterIPs.length === 0) {
    yield invalidValue(path, ipFamilies, 'primary ipFamily can not be unset');
  }
  if (oldFamilies.length > 0 && ipFamilies.length > 0 && ipFamilies[0] !== oldFamilies[0]) {
    yield invalidValue(path, clusterIPs, onceSet);
  }
  if (oldFamilies.length > ipFamilies.length && ipFamilies.length === 1) {
    yield* needsSingleStack(spec, 'ipFamily');
  }
}

function* needsSingleStack(
  { ipFamilyPolicy }: ServiceSpec,
  released: string,
): Iterable<FieldError> {
  if (ipFamilyPolicy === 'SingleStack') return;
  yield invalidValue(
    'spec.ipFamilyPolicy',
    ipFamilyPolicy,
    `must be set to 'SingleStack' when releasing the secondary ${released}`,
  );
}

function isNone(addresses: readonly string[]): boolean {
  return addresses.length === 1 && addresses[0] === 'None';
}
