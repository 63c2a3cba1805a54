import type {
  HTTPIngressPath,
  IngressBackend,
  IngressRule,
  IngressServiceBackend,
  IngressSpec,
} from '#shared/api/types/networking-v1.ts';
import type { TypedLocalObjectReference } from '#shared/api/types/core-v1.ts';
import { foreignName, invalidEach, isClean } from '#shared/kube/checks.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidValue, notSupported, required } from '#shared/kube/field-error.ts';
import { parseIp } from '#shared/kube/ip.ts';
import {
  dns1123Subdomain,
  nameIsDnsLabel,
  portName,
  portNumber,
  wildcardDns1123Subdomain,
} from '#shared/kube/names.ts';

const forbiddenInPaths = ['//', '/./', '/../', '%2f', '%2F'];
const forbiddenPathEnds = ['/..', '/.'];
const pathTypes = ['Exact', 'ImplementationSpecific', 'Prefix'];

/** What `old` has already stays acceptable where upstream once accepted more. */
export function* validateIngressSpec(
  spec: IngressSpec,
  old: IngressSpec | undefined,
): Iterable<FieldError> {
  const { rules = [], defaultBackend, tls = [], ingressClassName } = spec;
  if (rules.length === 0 && !defaultBackend) {
    yield invalidValue('spec', rules, 'either `defaultBackend` or `rules` must be specified');
  }
  if (defaultBackend) yield* validateBackend(defaultBackend, 'spec.defaultBackend');
  const skipsWildcards = (old?.rules ?? []).some(
    (rule) => rule.host?.includes('*') && !isClean(validatePaths(rule, '')),
  );
  for (const [index, rule] of rules.entries()) {
    const path = `spec.rules[${index}]`;
    yield* validateRuleHost(rule.host, `${path}.host`);
    if (!skipsWildcards || !rule.host?.includes('*')) yield* validatePaths(rule, path);
  }
  const skipsSecrets = (old?.tls ?? []).some(
    ({ secretName }) => secretName && dns1123Subdomain(secretName).length > 0,
  );
  for (const [index, { hosts = [], secretName }] of tls.entries()) {
    const path = `spec.tls[${index}]`;
    for (const [position, host] of hosts.entries()) {
      yield* validateHost(host, `${path}.hosts[${position}]`);
    }
    if (skipsSecrets || !secretName) continue;
    yield* invalidEach(`${path}.secretName`, secretName, dns1123Subdomain(secretName));
  }
  if (ingressClassName !== undefined) {
    yield* invalidEach(
      'spec.ingressClassName',
      ingressClassName,
      dns1123Subdomain(ingressClassName),
    );
  }
}

function* validateRuleHost(host: string | undefined, field: string): Iterable<FieldError> {
  if (!host) return;
  if (parseIp(host)) yield invalidValue(field, host, 'must be a DNS name, not an IP address');
  yield* validateHost(host, field);
}

function* validateHost(host: string, field: string): Iterable<FieldError> {
  const problems = host.includes('*') ? wildcardDns1123Subdomain(host) : dns1123Subdomain(host);
  yield* invalidEach(field, host, problems);
}

function* validatePaths({ http }: IngressRule, field: string): Iterable<FieldError> {
  if (!http) return;
  if ((http.paths ?? []).length === 0) yield required(`${field}.http.paths`);
  for (const [index, path] of (http.paths ?? []).entries()) {
    yield* validatePath(path, `${field}.http.paths[${index}]`);
  }
}

function* validatePath(
  { path = '', pathType, backend }: HTTPIngressPath,
  field: string,
): Iterable<FieldError> {
  if (typeof pathType !== 'string') {
    yield required(`${field}.pathType`, 'pathType must be specified');
    return;
  }
  if (!pathTypes.includes(pathType)) yield notSupported(`${field}.pathType`, pathType, pathTypes);
  else {
    const isExamined = pathType !== 'ImplementationSpecific';
    if ((isExamined || path) && !path.startsWith('/')) {
      yield invalidValue(`${field}.path`, path, 'must be an absolute path');
    }
    if (isExamined) yield* invalidEach(`${field}.path`, path, pathProblems(path));
  }
  yield* validateBackend(backend, `${field}.backend`);
}

function pathProblems(path: string): readonly string[] {
  return [
    ...forbiddenInPaths
      .filter((text) => path.includes(text))
      .map((text) => `must not contain '${text}'`),
    ...forbiddenPathEnds
      .filter((text) => path.endsWith(text))
      .map((text) => `cannot end with '${text}'`),
  ];
}

function* validateBackend(
  { resource, service }: IngressBackend,
  field: string,
): Iterable<FieldError> {
  if (resource && service) {
    yield invalidValue(field, '', 'cannot set both resource and service backends');
  } else if (resource) yield* validateReference(resource, `${field}.resource`);
  else if (service) yield* validateService(service, field);
  else yield invalidValue(field, '', 'resource or service backend is required');
}

function* validateService(
  { name, port: { name: namedPort, number } }: IngressServiceBackend,
  field: string,
): Iterable<FieldError> {
  if (name) yield* invalidEach(`${field}.service.name`, name, nameIsDnsLabel(name));
  else yield required(`${field}.service.name`);
  const path = `${field}.service.port`;
  if (namedPort && number) yield invalidValue(field, '', 'cannot set both port name & port number');
  else if (namedPort) yield* invalidEach(`${path}.name`, namedPort, portName(namedPort));
  else if (number) yield* invalidEach(`${path}.number`, number, portNumber(number));
  else yield required(field, 'port name or number is required');
}

function* validateReference(
  { apiGroup, kind, name }: TypedLocalObjectReference,
  field: string,
): Iterable<FieldError> {
  // Written as null where absent.
  if (typeof apiGroup === 'string') {
    yield* invalidEach(`${field}.apiGroup`, apiGroup, dns1123Subdomain(apiGroup));
  }
  yield* foreignName(kind, `${field}.kind`);
  yield* foreignName(name, `${field}.name`);
}
