import type { PodDNSConfig, PodSpec } from '#shared/api/types/core-v1.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach, legacyIp } from '#shared/kube/checks.ts';
import {
  forbiddenValue,
  invalidValue,
  notOneOf,
  required,
  tooLong,
} from '#shared/kube/field-error.ts';
import {
  byteLength,
  dns1123Subdomain,
  dns1123SubdomainWithUnderscore,
} from '#shared/kube/names.ts';

const policies = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];

export function* validateDnsPolicy(
  policy: string | undefined,
  field: string,
): Iterable<FieldError> {
  if (!policy) yield required(field);
  else if (!policies.includes(policy)) yield notOneOf(field, policy, policies);
}

export function* validateDnsConfig(
  { dnsConfig, dnsPolicy }: Pick<PodSpec, 'dnsConfig' | 'dnsPolicy'>,
  field: string,
): Iterable<FieldError> {
  if (dnsPolicy === 'None') {
    if (!dnsConfig) {
      yield required(field, 'must provide `dnsConfig` when `dnsPolicy` is None');
      return;
    }
    if (!dnsConfig.nameservers?.length) {
      yield required(
        `${field}.nameservers`,
        'must provide at least one DNS nameserver when `dnsPolicy` is None',
      );
      return;
    }
  }
  if (!dnsConfig) return;
  const { nameservers = [], options = [] } = dnsConfig;
  if (nameservers.length > 3) {
    yield invalidValue(
      `${field}.nameservers`,
      nameservers,
      'must not have more than 3 nameservers',
    );
  }
  for (const [index, server] of nameservers.entries()) {
    yield* legacyIp(server, `${field}.nameservers[${index}]`);
  }
  yield* validateSearches(dnsConfig, `${field}.searches`);
  for (const [index, { name }] of options.entries()) {
    if (!name) yield required(`${field}.options[${index}]`, 'must not be empty');
  }
}

function* validateSearches({ searches = [] }: PodDNSConfig, field: string): Iterable<FieldError> {
  if (searches.length > 32) {
    yield invalidValue(field, searches, 'must not have more than 32 search paths');
  }
  if (byteLength(searches.join(' ')) > 2048) {
    yield invalidValue(
      field,
      searches,
      'must not have more than 2048 characters (including spaces) in the search list',
    );
  }
  for (const [index, search] of searches.entries()) {
    if (search === '.') continue;
    const domain = search.endsWith('.') ? search.slice(0, -1) : search;
    yield* invalidEach(`${field}[${index}]`, domain, dns1123SubdomainWithUnderscore(domain));
  }
}

export function* validateHostnameOverride(spec: PodSpec, field: string): Iterable<FieldError> {
  const { hostnameOverride: name } = spec;
  if (name === undefined) return;
  const path = `${field}.hostnameOverride`;
  if (spec.setHostnameAsFQDN) {
    yield forbiddenValue(path, 'may not be specified when setHostnameAsFQDN is true');
  }
  if (spec.hostNetwork) {
    yield forbiddenValue(path, 'may not be specified when hostNetwork is true');
  }
  if (byteLength(name) > 64) yield tooLong(path, 64);
  yield* invalidEach(path, name, dns1123Subdomain(name));
}
