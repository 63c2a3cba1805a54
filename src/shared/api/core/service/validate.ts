import type { Service, ServicePort, ServiceSpec } from '#shared/api/types/core-v1.ts';
import { validateEndpointIp } from '#shared/api/core/endpoint-ip.ts';
import { validatePortAndProtocol } from '#shared/api/core/service-port.ts';
import { validateClusterIps } from '#shared/api/core/service/cluster-ips.ts';
import { isExternallyAccessible, needsHealthCheckPort } from '#shared/api/core/service/prepare.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach, legacyCidr, legacyIp, portNumberOrName } from '#shared/kube/checks.ts';
import {
  duplicateValue,
  forbiddenValue,
  invalidValue,
  notOneOf,
  notSupported,
  required,
} from '#shared/kube/field-error.ts';
import { dns1123Label, dns1123Subdomain, portNumber, qualifiedName } from '#shared/kube/names.ts';
import type { Draft } from '#shared/kube/object.ts';
import { validateLabels } from '#shared/kube/object-meta.ts';

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const sourceRanges = 'service.beta.kubernetes.io/load-balancer-source-ranges';
const topologyHints = 'service.kubernetes.io/topology-aware-hints';
const topologyMode = 'service.kubernetes.io/topology-mode';
const onlyLoadBalancer = "may only be used when `type` is 'LoadBalancer'";

export function isHeadless({ clusterIPs }: ServiceSpec): boolean {
  return clusterIPs?.length === 1 && clusterIPs[0] === 'None';
}

export function* validateService(service: Service, old?: Service): Iterable<FieldError> {
  const { spec, metadata } = service;
  const mode = metadata.annotations?.[topologyMode];
  const hints = metadata.annotations?.[topologyHints];
  if (mode !== undefined && hints !== undefined && mode !== hints) {
    yield invalidValue(
      `metadata.annotations[${topologyMode}]`,
      mode,
      `must match annotations[${topologyHints}] when both are specified`,
    );
  }
  const ports = spec.ports ?? [];
  if (ports.length === 0 && !isHeadless(spec) && spec.type !== 'ExternalName') {
    yield required('spec.ports');
  }
  yield* validateType(spec);
  yield* validatePorts(ports);
  if (spec.selector) yield* validateLabels(spec.selector, 'spec.selector');
  yield* validateAffinity(spec);
  yield* validateClusterIps(spec, old?.spec);
  for (const [index, ip] of (spec.externalIPs ?? []).entries()) {
    const field = `spec.externalIPs[${index}]`;
    const errors = [...legacyIp(ip, field, old?.spec.externalIPs)];
    yield* errors.length > 0 ? errors : validateEndpointIp(ip, field);
  }
  if (!spec.type) yield required('spec.type');
  else if (!types.includes(spec.type)) yield notSupported('spec.type', spec.type, types);
  yield* validateUniquePorts(spec.type ?? '', ports);
  yield* validateSourceRanges(service, old);
  yield* validateLoadBalancing(spec);
  yield* validateTraffic(spec);
}

function* validateType(spec: ServiceSpec): Iterable<FieldError> {
  const { type } = spec;
  if ((type === 'LoadBalancer' || type === 'NodePort') && isHeadless(spec)) {
    yield invalidValue(
      'spec.clusterIPs[0]',
      'None',
      `may not be set to 'None' for ${type} services`,
    );
  }
  if (type !== 'ExternalName') return;
  const problem = 'may not be set for ExternalName services';
  if (spec.clusterIPs?.length) yield forbiddenValue('spec.clusterIPs', problem);
  if (spec.ipFamilies?.length) yield forbiddenValue('spec.ipFamilies', problem);
  if (spec.ipFamilyPolicy !== undefined) yield forbiddenValue('spec.ipFamilyPolicy', problem);
  const name = (spec.externalName ?? '').replace(/\.$/, '');
  if (name) yield* invalidEach('spec.externalName', name, dns1123Subdomain(name));
  else yield required('spec.externalName');
}

function* validatePorts(ports: readonly ServicePort[]): Iterable<FieldError> {
  const names = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const field = `spec.ports[${index}]`;
    if (!port.name) {
      if (ports.length > 1) yield required(`${field}.name`);
    } else {
      yield* invalidEach(`${field}.name`, port.name, dns1123Label(port.name));
      if (names.has(port.name)) yield duplicateValue(`${field}.name`, port.name);
      names.add(port.name);
    }
    yield* validatePortAndProtocol(port, field);
    yield* portNumberOrName(port.targetPort, `${field}.targetPort`);
    const { appProtocol } = port;
    if (appProtocol !== undefined) {
      yield* invalidEach(`${field}.appProtocol`, appProtocol, qualifiedName(appProtocol));
    }
  }
}

function* validateAffinity(spec: ServiceSpec): Iterable<FieldError> {
  const { sessionAffinity: affinity, sessionAffinityConfig: config } = spec;
  const supported = ['ClientIP', 'None'];
  if (!affinity) yield required('spec.sessionAffinity');
  else if (!supported.includes(affinity)) {
    yield notSupported('spec.sessionAffinity', affinity, supported);
  }
  const field = 'spec.sessionAffinityConfig';
  if (affinity === 'None' && config) {
    yield forbiddenValue(field, 'must not be set when session affinity is None');
  }
  if (affinity !== 'ClientIP') return;
  const when = 'when session affinity type is ClientIP';
  const timeout = config?.clientIP?.timeoutSeconds;
  if (!config) yield required(field, when);
  else if (!config.clientIP) yield required(`${field}.clientIP`, when);
  else if (timeout === undefined) yield required(`${field}.clientIP.timeoutSeconds`, when);
  else if (timeout <= 0 || timeout > 86_400) {
    yield invalidValue(
      `${field}.clientIP.timeoutSeconds`,
      timeout,
      'must be greater than 0 and less than 86400',
    );
  }
}

function* validateUniquePorts(type: string, ports: readonly ServicePort[]): Iterable<FieldError> {
  if (type === 'ClusterIP') {
    for (const [index, { nodePort }] of ports.entries()) {
      if (!nodePort) continue;
      const problem = "may not be used when `type` is 'ClusterIP'";
      yield forbiddenValue(`spec.ports[${index}].nodePort`, problem);
    }
  }
  const nodePorts = new Set<string>();
  for (const [index, { protocol, nodePort }] of ports.entries()) {
    if (!nodePort) continue;
    const key = `${protocol}/${nodePort}`;
    if (nodePorts.has(key)) yield duplicateValue(`spec.ports[${index}].nodePort`, nodePort);
    nodePorts.add(key);
  }
  const seen = new Set<string>();
  for (const [index, { protocol, port }] of ports.entries()) {
    const key = `${protocol}/${port}`;
    if (seen.has(key)) yield duplicateValue(`spec.ports[${index}]`, { protocol, port });
    seen.add(key);
  }
}

function* validateSourceRanges(
  { spec, metadata }: Service,
  old: Service | undefined,
): Iterable<FieldError> {
  const ranges = spec.loadBalancerSourceRanges ?? [];
  const annotation = metadata.annotations?.[sourceRanges];
  if (ranges.length > 0) {
    const field = 'spec.LoadBalancerSourceRanges';
    if (spec.type !== 'LoadBalancer') yield forbiddenValue(field, onlyLoadBalancer);
    const known = (old?.spec.loadBalancerSourceRanges ?? []).map((range) => range.trim());
    for (const [index, range] of ranges.entries()) {
      yield* legacyCidr(range.trim(), `${field}[${index}]`, known);
    }
  } else if (annotation !== undefined) {
    const field = `metadata.annotations[${sourceRanges}]`;
    if (spec.type !== 'LoadBalancer') yield forbiddenValue(field, onlyLoadBalancer);
    if (old?.metadata.annotations?.[sourceRanges] === annotation || !annotation.trim()) return;
    for (const range of annotation.trim().split(',')) yield* legacyCidr(range.trim(), field);
  }
}

function* validateLoadBalancing(spec: ServiceSpec): Iterable<FieldError> {
  const isBalanced = spec.type === 'LoadBalancer';
  if (!isBalanced && spec.allocateLoadBalancerNodePorts !== undefined) {
    yield forbiddenValue('spec.allocateLoadBalancerNodePorts', onlyLoadBalancer);
  }
  if (isBalanced && spec.allocateLoadBalancerNodePorts === undefined) {
    yield required('allocateLoadBalancerNodePorts');
  }
  yield* validateLoadBalancerClass(spec);
}

export function* validateLoadBalancerClass(spec: ServiceSpec): Iterable<FieldError> {
  const { loadBalancerClass: name, type } = spec;
  if (name === undefined) return;
  const field = 'spec.loadBalancerClass';
  if (type === 'LoadBalancer') yield* invalidEach(field, name, qualifiedName(name));
  else yield forbiddenValue(field, onlyLoadBalancer);
}

function* validateTraffic(spec: ServiceSpec): Iterable<FieldError> {
  const { externalTrafficPolicy: external, healthCheckNodePort: port = 0 } = spec;
  const policies = ['Cluster', 'Local'];
  const field = 'spec.externalTrafficPolicy';
  if (!isExternallyAccessible(spec as Draft<ServiceSpec>)) {
    if (external) {
      yield invalidValue(field, external, 'may only be set for externally-accessible services');
    }
  } else if (!external) yield required(field);
  else if (!policies.includes(external)) yield notSupported(field, external, policies);
  if (!needsHealthCheckPort(spec)) {
    if (port !== 0) {
      yield invalidValue(
        'spec.healthCheckNodePort',
        port,
        "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
      );
    }
  } else if (port === 0) yield required('spec.healthCheckNodePort');
  else yield* invalidEach('spec.healthCheckNodePort', port, portNumber(port));
  yield* validateInternalTraffic(spec, policies);
}

function* validateInternalTraffic(
  { type, internalTrafficPolicy: policy, trafficDistribution }: ServiceSpec,
  policies: readonly string[],
): Iterable<FieldError> {
  const field = 'spec.internalTrafficPolicy';
  if (policy === undefined) {
    if (type === 'NodePort' || type === 'LoadBalancer' || type === 'ClusterIP') {
      yield required(field);
    }
  } else if (!policies.includes(policy)) yield notSupported(field, policy, policies);
  const distributions = ['PreferClose', 'PreferSameZone', 'PreferSameNode'];
  if (trafficDistribution !== undefined && !distributions.includes(trafficDistribution)) {
    yield notOneOf('spec.trafficDistribution', trafficDistribution, distributions);
  }
}
