import type { Pod } from '#shared/api/types/core-v1.ts';

const maxLength = 63;
const fqdnMaxLength = 64;

export interface PodHostname {
  readonly hostname: string;
  /** The domain that goes with it, if the pod has a subdomain. */
  readonly domain: string;
}

/** The name that the pod sees as its own. Throws where it would be too long for Linux. */
export function hostnameOf({ metadata, spec }: Pod, clusterDomain: string): PodHostname {
  if (spec.hostnameOverride) return { hostname: spec.hostnameOverride, domain: '' };
  const named = spec.hostname || metadata.name;
  const hostname = named.slice(0, maxLength).replace(/[-.]+$/, '');
  const domain = spec.subdomain
    ? `${spec.subdomain}.${metadata.namespace}.svc.${clusterDomain}`
    : '';
  return { hostname, domain };
}

/** The same as the kernel is told: the whole name where the pod asks for that. */
export function kernelHostname(pod: Pod, clusterDomain: string): string {
  const { hostname, domain } = hostnameOf(pod, clusterDomain);
  if (!pod.spec.setHostnameAsFQDN || !domain) return hostname;
  const whole = `${hostname}.${domain}`;
  if (whole.length <= fqdnMaxLength) return whole;
  throw new Error(
    `Failed to construct FQDN from pod hostname and cluster domain, FQDN ${whole} is too long (${fqdnMaxLength} characters is the max, ${whole.length} characters requested)`,
  );
}
