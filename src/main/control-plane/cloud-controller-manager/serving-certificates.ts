import { conditionOf, nowText } from '#main/control-plane/controller-manager/conditions.ts';
import {
  parseCertificateRequest,
  type CertificateRequest,
} from '#shared/api/certificates/certificate-request.ts';
import { certificateSigningRequests } from '#shared/api/certificates/certificate-signing-request.ts';
import { kubeletServingRefusal, signerNames } from '#shared/api/certificates/signers.ts';
import { nodes } from '#shared/api/core/node.ts';
import type { CertificateSigningRequest } from '#shared/api/types/certificates-v1.ts';
import type { Node } from '#shared/api/types/core-v1.ts';
import { controller } from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { formatIp, parseIp } from '#shared/kube/ip.ts';
import { isSimulated } from '#shared/kube/simulated-nodes.ts';

/**
 * Approves the certificates that kubelets ask for to serve with, where every name in them is the
 * asking node's and no other's. Upstream leaves that to whoever knows the machines; what is refused
 * here waits for a person.
 */
export const servingCertificateApprover = controller<CertificateSigningRequest>({
  name: 'kubelet-serving-approver',
  watches: certificateSigningRequests,
  reads: [nodes],

  async reconcile(request, { cache, cluster, clock, log }) {
    const { spec, status, metadata } = request;
    if (spec.signerName !== signerNames.kubeletServing || status.certificate) return;
    if (conditionOf(status.conditions, 'Approved') ?? conditionOf(status.conditions, 'Denied'))
      return;
    const problem = requestProblem(request, [...cache.list(nodes)]);
    if (problem !== undefined) {
      log.warn('A request for a serving certificate waits for a person', {
        name: metadata.name,
        username: spec.username,
        why: problem,
      });
      return;
    }
    const at = nowText(clock);
    const condition = {
      type: 'Approved',
      status: 'True',
      reason: 'AutoApproved',
      message: 'Auto approving kubelet serving certificate: all its names are those of the node.',
      lastUpdateTime: at,
      lastTransitionTime: at,
    };
    const conditions = [...(status.conditions ?? []), condition];
    const approved = { ...request, status: { ...status, conditions } };
    try {
      await cluster.update(certificateSigningRequests, approved, { subresource: 'approval' });
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
    }
  },
});

/** Pure: why nobody but a person should approve the request, if so. */
export function requestProblem(
  { spec }: Pick<CertificateSigningRequest, 'spec'>,
  all: readonly Node[],
): string | undefined {
  const asked = parseCertificateRequest(spec.request);
  const refusal = kubeletServingRefusal(asked, spec.usages ?? []);
  if (refusal !== undefined) return refusal;
  if (spec.username !== asked.commonName) return `${spec.username} asks for ${asked.commonName}`;
  const name = asked.commonName.slice('system:node:'.length);
  const own = all.find(({ metadata }) => metadata.name === name);
  if (!own || isSimulated(own)) return `there is no node ${name} that serves`;
  const others = new Set(all.filter((node) => node !== own).flatMap(namesOf));
  const names = new Set(namesOf(own));
  for (const one of namesAsked(asked)) {
    if (!names.has(one)) return `${one} is none of the node's names and addresses`;
    if (others.has(one)) return `${one} is another node's, too`;
  }
  return undefined;
}

function namesAsked({ dnsNames, ipAddresses }: CertificateRequest): readonly string[] {
  return [...dnsNames, ...ipAddresses].map(canonical);
}

function namesOf({ metadata, status }: Node): readonly string[] {
  const addresses = (status.addresses ?? []).map(({ address }) => address);
  return [metadata.name, ...addresses].map(canonical);
}

function canonical(name: string): string {
  const address = parseIp(name);
  return address ? formatIp(address) : name;
}
