import type { Service, ServicePort, ServiceSpec } from '#shared/api/types/core-v1.ts';
import { keep } from '#shared/api/strategies.ts';
import type { Draft } from '#shared/kube/object.ts';

export function defaultService({ spec, status }: Draft<Service>): void {
  if (!spec.sessionAffinity) spec.sessionAffinity = 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  if (
    spec.sessionAffinity === 'ClientIP' &&
    spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined
  ) {
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: 10_800 } };
  }
  if (!spec.type) spec.type = 'ClusterIP';
  for (const port of spec.ports ?? []) {
    if (!port.protocol) port.protocol = 'TCP';
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '') {
      port.targetPort = port.port;
    }
  }
  if (isExternallyAccessible(spec) && !spec.externalTrafficPolicy) {
    spec.externalTrafficPolicy = 'Cluster';
  }
  if (['ClusterIP', 'LoadBalancer', 'NodePort'].includes(spec.type)) {
    spec.internalTrafficPolicy ??= 'Cluster';
  }
  if (spec.type !== 'LoadBalancer') return;
  spec.allocateLoadBalancerNodePorts ??= true;
  for (const ingress of status?.loadBalancer?.ingress ?? []) {
    if (ingress.ip) ingress.ipMode ??= 'VIP';
  }
}

export function isExternallyAccessible({ type, externalIPs }: Draft<ServiceSpec>): boolean {
  if (type === 'LoadBalancer' || type === 'NodePort') return true;
  return type === 'ClusterIP' && (externalIPs?.length ?? 0) > 0;
}

export function needsHealthCheckPort({ type, externalTrafficPolicy }: ServiceSpec): boolean {
  return type === 'LoadBalancer' && externalTrafficPolicy === 'Local';
}

function needsNodePort({ type }: Draft<ServiceSpec>): boolean {
  return type === 'NodePort' || type === 'LoadBalancer';
}

function needsClusterIp({ type }: Draft<ServiceSpec>): boolean {
  return type !== 'ExternalName';
}

export function prepareServiceForUpdate(draft: Draft<Service>, old: Service): void {
  keepAllocated(draft.spec, old.spec);
  normalizeClusterIps(draft.spec, old.spec);
  keep('status', draft, old);
  dropTypeDependent(draft, old.spec);
}

/** Addresses and ports that a writer left out stay what they were. */
function keepAllocated(spec: Draft<ServiceSpec>, old: ServiceSpec): void {
  if (needsClusterIp(old as Draft<ServiceSpec>) && needsClusterIp(spec)) {
    if (!spec.clusterIP && old.clusterIP) spec.clusterIP = old.clusterIP;
    if (!spec.clusterIPs?.length && old.clusterIPs?.length) spec.clusterIPs = [...old.clusterIPs];
  }
  if (needsNodePort(old as Draft<ServiceSpec>) && needsNodePort(spec)) {
    keepNodePorts(spec.ports ?? [], old.ports ?? []);
  }
  if (needsHealthCheckPort(old) && needsHealthCheckPort(spec)) {
    if (!spec.healthCheckNodePort && old.healthCheckNodePort) {
      spec.healthCheckNodePort = old.healthCheckNodePort;
    }
  }
}

function keepNodePorts(ports: Draft<ServicePort>[], old: readonly ServicePort[]): void {
  const before = new Set(old.map(({ nodePort }) => nodePort));
  const used = new Set(ports.map(({ nodePort }) => nodePort).filter((port) => before.has(port)));
  for (const port of ports) {
    if (port.nodePort) continue;
    const known = old.findLast(({ name }) => (name ?? '') === (port.name ?? ''))?.nodePort;
    if (known && !used.has(known)) port.nodePort = known;
  }
}

/** `clusterIP` is the first of `clusterIPs`; whoever knows only one of them writes both. */
export function normalizeClusterIps(spec: Draft<ServiceSpec>, old: ServiceSpec | undefined): void {
  if (!old) {
    if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
    return;
  }
  const isSameList = isSame(old.clusterIPs, spec.clusterIPs);
  if (old.clusterIPs?.length && !spec.clusterIPs?.length && old.clusterIP === spec.clusterIP) {
    spec.clusterIPs = [...old.clusterIPs];
  }
  if ((old.clusterIP ?? '') === (spec.clusterIP ?? '')) return;
  if (!isSameList) return;
  if (old.clusterIP && !spec.clusterIP) delete spec.clusterIPs;
  else if (spec.clusterIP) spec.clusterIPs = [spec.clusterIP];
}

function isSame(a: readonly string[] = [], b: readonly string[] = []): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

/** What a new type cannot have goes, if the writer did not touch it. */
function dropTypeDependent({ spec, status }: Draft<Service>, old: ServiceSpec): void {
  const before = old as Draft<ServiceSpec>;
  if (needsClusterIp(before) && !needsClusterIp(spec)) dropAddresses(spec, old);
  if (needsNodePort(before) && !needsNodePort(spec)) dropNodePorts(spec, old);
  if (
    needsHealthCheckPort(old) &&
    !needsHealthCheckPort(spec) &&
    old.healthCheckNodePort === spec.healthCheckNodePort
  ) {
    delete spec.healthCheckNodePort;
  }
  if (old.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    if (old.allocateLoadBalancerNodePorts === spec.allocateLoadBalancerNodePorts) {
      delete spec.allocateLoadBalancerNodePorts;
    }
    if (old.loadBalancerClass === spec.loadBalancerClass) delete spec.loadBalancerClass;
  }
  if (
    isExternallyAccessible(before) &&
    !isExternallyAccessible(spec) &&
    old.externalTrafficPolicy === spec.externalTrafficPolicy
  ) {
    delete spec.externalTrafficPolicy;
  }
  if (spec.type !== 'LoadBalancer' && status) status.loadBalancer = {};
}

function dropAddresses(spec: Draft<ServiceSpec>, old: ServiceSpec): void {
  if (old.clusterIP === spec.clusterIP && isSame(old.clusterIPs, spec.clusterIPs)) {
    delete spec.clusterIP;
    delete spec.clusterIPs;
  }
  if (isSame(old.ipFamilies, spec.ipFamilies)) delete spec.ipFamilies;
  if (old.ipFamilyPolicy === spec.ipFamilyPolicy) delete spec.ipFamilyPolicy;
}

function dropNodePorts(spec: Draft<ServiceSpec>, old: ServiceSpec): void {
  const before = new Set((old.ports ?? []).map(({ nodePort }) => nodePort));
  const ports = spec.ports ?? [];
  if (!ports.every(({ nodePort }) => !nodePort || before.has(nodePort))) return;
  for (const port of ports) delete port.nodePort;
}
