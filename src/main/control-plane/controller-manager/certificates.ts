import { subjectAccessReviews } from '#shared/api/authorization/subject-access-review.ts';
import { parseCertificateRequest } from '#shared/api/certificates/certificate-request.ts';
import { certificateSigningRequests } from '#shared/api/certificates/certificate-signing-request.ts';
import {
  isBuiltInSigner,
  kubeletClientRefusal,
  signerNames,
  signerRefusal,
  type CertificateSigner,
} from '#shared/api/certificates/signers.ts';
import type { SubjectAccessReview } from '#shared/api/types/authorization-v1.ts';
import type { CertificateSigningRequest } from '#shared/api/types/certificates-v1.ts';
import { ageOf, type Clock } from '#shared/base/clock.ts';
import { controller, type Controller, type ReconcileContext } from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { conditionOf, isTrue, nowText } from './conditions.ts';
import { messageOf, timeOf } from './values.ts';

type Request = CertificateSigningRequest;

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

const isDecided = ({ status }: Request): boolean =>
  conditionOf(status.conditions, 'Approved') !== undefined ||
  conditionOf(status.conditions, 'Denied') !== undefined;

/** Approves the client certificates that kubelets may have without anybody's asking. */
export const certificateApprover = controller<Request>({
  name: 'certificate-controller',
  watches: certificateSigningRequests,
  backoff: { firstMs: 200, maxMs: 1_000_000 },

  async reconcile(request, { cluster, clock }) {
    const { spec, status, metadata } = request;
    if (status.certificate || isDecided(request)) return;
    if (spec.signerName !== signerNames.kubeletClient) return;
    const asked = parseCertificateRequest(spec.request);
    if (kubeletClientRefusal(asked, spec.usages ?? []) !== undefined) return;
    const isOwn = spec.username === asked.commonName;
    const ways = [
      ...(isOwn ? [['selfnodeclient', 'self kubelet client'] as const] : []),
      ['nodeclient', 'kubelet client'] as const,
    ];
    for (const [subresource, what] of ways) {
      if (!(await isAllowed(request, subresource, cluster))) continue;
      const at = nowText(clock);
      const condition = {
        type: 'Approved',
        status: 'True',
        reason: 'AutoApproved',
        message: `Auto approving ${what} certificate after SubjectAccessReview.`,
        lastUpdateTime: at,
        lastTransitionTime: at,
      };
      const conditions = [...(status.conditions ?? []), condition];
      const approved = { ...request, status: { ...status, conditions } };
      await cluster.update(certificateSigningRequests, approved, { subresource: 'approval' });
      return;
    }
    const tried = ways.map(([subresource]) => subresource).join(' ');
    throw new Error(
      `recognized csr "${metadata.name}" as [${tried}] but subject access review was not approved`,
    );
  },
});

async function isAllowed(
  { spec }: Request,
  subresource: string,
  cluster: ReconcileContext['cluster'],
): Promise<boolean> {
  const { username, uid, groups, extra } = spec;
  const review: SubjectAccessReview = await cluster.create(subjectAccessReviews, {
    metadata: {},
    spec: {
      user: username ?? '',
      ...(uid && { uid }),
      ...(groups && { groups }),
      ...(extra && { extra }),
      resourceAttributes: {
        group: 'certificates.k8s.io',
        resource: 'certificatesigningrequests',
        verb: 'create',
        version: '*',
        subresource,
      },
    },
  });
  return review.status.allowed;
}

/** Signs what has been approved, for the signers that Kubernetes itself has. */
export function createCertificateSigningController(
  signer: CertificateSigner,
): Controller<CertificateSigningRequest> {
  return controller<Request>({
    name: 'certificate-controller',
    watches: certificateSigningRequests,
    backoff: { firstMs: 200, maxMs: 1_000_000 },

    async reconcile(request, { cluster, clock }) {
      const { spec, status } = request;
      if (status.certificate || !isTrue(status.conditions, 'Approved')) return;
      if (isTrue(status.conditions, 'Denied') || isTrue(status.conditions, 'Failed')) return;
      if (!isBuiltInSigner(spec.signerName)) return;
      const { usages = [], expirationSeconds } = spec;
      const refusal = signerRefusal(spec.signerName, { request: spec.request, usages });
      if (refusal !== undefined) {
        const at = nowText(clock);
        const condition = {
          type: 'Failed',
          status: 'True',
          reason: 'SignerValidationFailure',
          message: refusal,
          lastUpdateTime: at,
          lastTransitionTime: at,
        };
        const conditions = [...(status.conditions ?? []), condition];
        const failed = { ...request, status: { ...status, conditions } };
        await cluster.updateStatus(certificateSigningRequests, failed);
        return;
      }
      const pem = await signer.sign({ request: spec.request, usages, expirationSeconds });
      const signed = { ...request, status: { ...status, certificate: btoa(pem) } };
      await cluster.updateStatus(certificateSigningRequests, signed);
    },
  });
}

/** Deletes requests that were answered long ago, or that nobody answered. */
export const certificateCleaner = controller<Request>({
  name: 'certificate-controller',
  watches: certificateSigningRequests,
  wakes: ({ after }) => (after ? [after.metadata.name] : []),

  async reconcile(request, { cluster, clock, log }) {
    const left = untilCleaned(request, clock);
    if (left > 0) return { afterMs: left };
    const { name } = request.metadata;
    try {
      await cluster.delete(certificateSigningRequests, { name });
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
      log.debug('The request is gone already', { name, error: messageOf(error) });
    }
    return undefined;
  },
});

/** How long until a request has outlived its use, in ms. */
function untilCleaned({ metadata, status }: Request, clock: Clock): number {
  const { conditions = [], certificate } = status;
  let least = Infinity;
  for (const { type, lastUpdateTime } of conditions) {
    const isOpen = type === 'Approved' && !certificate;
    const at = timeOf(lastUpdateTime);
    if (at > 0) least = Math.min(least, (isOpen ? dayMs : hourMs) - ageOf(clock, at));
  }
  if (Number.isFinite(least)) return least;
  return dayMs - ageOf(clock, timeOf(metadata.creationTimestamp));
}
