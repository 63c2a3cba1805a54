import type { Endpoint, EndpointHints } from '#shared/api/types/discovery-v1.ts';
import { validateEndpointIp } from '#shared/api/core/endpoint-ip.ts';
import { canonicalIp, invalidEach, legacyIp } from '#shared/kube/checks.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { duplicateValue, invalidValue, required, tooMany } from '#shared/kube/field-error.ts';
import { isIpv6 } from '#shared/kube/ip.ts';
import { dns1123Label, dns1123Subdomain, labelValue } from '#shared/kube/names.ts';
import { validateLabels } from '#shared/kube/object-meta.ts';

const limits = { endpoints: 1000, addresses: 100, topologyLabels: 16, hints: 8 };

export function* validateEndpoints(
  endpoints: readonly Endpoint[],
  addressType: string,
): Iterable<FieldError> {
  if (endpoints.length > limits.endpoints) {
    yield tooMany('endpoints', endpoints.length, limits.endpoints);
  }
  for (const [index, endpoint] of endpoints.entries()) {
    yield* validateEndpoint(endpoint, `endpoints[${index}]`, addressType);
  }
}

function* validateEndpoint(
  endpoint: Endpoint,
  field: string,
  addressType: string,
): Iterable<FieldError> {
  const { addresses, nodeName, deprecatedTopology: topology = {}, hostname, hints } = endpoint;
  yield* validateAddresses(addresses ?? [], `${field}.addresses`, addressType);
  if (nodeName !== undefined) {
    yield* invalidEach(`${field}.nodeName`, nodeName, dns1123Subdomain(nodeName));
  }
  const labels = Object.keys(topology).length;
  const path = `${field}.deprecatedTopology`;
  if (labels > limits.topologyLabels) yield tooMany(path, labels, limits.topologyLabels);
  yield* validateLabels(topology, path);
  if (hostname !== undefined) {
    yield* invalidEach(`${field}.hostname`, hostname, dns1123Label(hostname));
  }
  if (hints) yield* validateHints(hints, `${field}.hints`);
}

function* validateAddresses(
  addresses: readonly string[],
  field: string,
  addressType: string,
): Iterable<FieldError> {
  if (addresses.length === 0) yield required(field, 'must contain at least 1 address');
  else if (addresses.length > limits.addresses) {
    yield tooMany(field, addresses.length, limits.addresses);
  }
  for (const [index, address] of addresses.entries()) {
    const path = `${field}[${index}]`;
    if (addressType === 'FQDN') yield* fullyQualifiedDomain(address, path);
    else if (addressType === 'IPv4' || addressType === 'IPv6') {
      const isSix = addressType === 'IPv6';
      const errors = [...(isSix ? canonicalIp(address, path) : legacyIp(address, path))];
      yield* errors;
      if (errors.length > 0) continue;
      if (isIpv6(address) !== isSix) {
        yield invalidValue(field, address, `must be an ${addressType} address`);
      }
      yield* validateEndpointIp(address, path);
    }
  }
}

function* fullyQualifiedDomain(address: string, field: string): Iterable<FieldError> {
  if (!address) {
    yield required(field);
    return;
  }
  const name = address.endsWith('.') ? address.slice(0, -1) : address;
  const problems = dns1123Subdomain(name);
  const labels = name.split('.');
  if (problems.length > 0) yield invalidValue(field, name, problems.join(','));
  else if (labels.length < 2) {
    yield invalidValue(
      field,
      name,
      'should be a domain with at least two segments separated by dots',
    );
  } else {
    const bad = labels.find((label) => dns1123Label(label).length > 0);
    if (bad !== undefined) yield invalidValue(field, bad, dns1123Label(bad).join(','));
  }
}

function* validateHints(
  { forZones = [], forNodes = [] }: EndpointHints,
  field: string,
): Iterable<FieldError> {
  yield* validateNames(forZones, `${field}.forZones`, labelValue);
  yield* validateNames(forNodes, `${field}.forNodes`, dns1123Subdomain);
}

function* validateNames(
  items: readonly { readonly name: string }[],
  field: string,
  check: (name: string) => readonly string[],
): Iterable<FieldError> {
  if (items.length > limits.hints) yield tooMany(field, items.length, limits.hints);
  const names = new Set<string>();
  for (const [index, { name = '' }] of items.entries()) {
    const path = `${field}[${index}].name`;
    if (names.has(name)) yield duplicateValue(path, name);
    names.add(name);
    yield* invalidEach(path, name, check(name));
  }
}
