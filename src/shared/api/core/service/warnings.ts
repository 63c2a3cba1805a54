import type { ServiceSpec } from '#shared/api/types/core-v1.ts';

/** Settings that do nothing, or will not for long. */
export function* serviceWarnings(spec: ServiceSpec): Iterable<string> {
  const { type, clusterIP, externalIPs = [], externalName, trafficDistribution } = spec;
  const isExternal = type === 'ExternalName';
  const isHeadless = clusterIP === 'None' && !isExternal;
  if (isHeadless) {
    if (spec.loadBalancerIP) yield 'spec.loadBalancerIP is ignored for headless services';
    if (externalIPs.length > 0) yield 'spec.externalIPs is ignored for headless services';
    if (spec.sessionAffinity !== 'None') {
      yield 'spec.SessionAffinity is ignored for headless services';
    }
  }
  if (externalIPs.length > 0 && !isHeadless) {
    yield isExternal
      ? 'spec.externalIPs is ignored when spec.type is "ExternalName"'
      : 'spec.externalIPs is deprecated and may no longer be implemented in some clusters';
  }
  if (!isExternal && externalName) {
    yield 'spec.externalName is ignored when spec.type is not "ExternalName"';
  }
  if (trafficDistribution === 'PreferClose') {
    yield 'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"';
  }
}
