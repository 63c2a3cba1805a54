import { objectOf, oldObjectOf } from '#main/control-plane/apiserver/admission/request-objects.ts';
import type {
  AdmissionPlugin,
  AdmissionRequest,
} from '#main/control-plane/apiserver/admission/plugin.ts';
import { isSameKind, refuse } from '#main/control-plane/apiserver/admission/refusal.ts';
import type { UserInfo } from '#main/control-plane/apiserver/authentication/authenticator.ts';
import type { Authorizer } from '#main/control-plane/apiserver/authorization/authorizer.ts';
import { privilegedGroup } from '#main/control-plane/apiserver/authentication/users.ts';
import { parseCertificateRequest } from '#shared/api/certificates/certificate-request.ts';
import { signerNames } from '#shared/api/certificates/signers.ts';
import { certificateSigningRequests } from '#shared/api/certificates/certificate-signing-request.ts';
import { semanticEqual } from '#shared/kube/equality.ts';

/** Only who may approve for the signer may approve its requests. */
export function certificateApproval(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'CertificateApproval',
    handles: (operation, resource, subresource) =>
      operation === 'UPDATE' &&
      isSameKind(resource, certificateSigningRequests) &&
      subresource === 'approval',
    async validate(request) {
      const signer = signerOf(request);
      if (await mayFor(authorizer, request.user, { verb: 'approve', signer })) return;
      throw refuse(
        request,
        `user not permitted to approve requests with signerName ${JSON.stringify(signer)}`,
      );
    },
  };
}

/** Only who may sign for the signer may hand out its certificates. */
export function certificateSigning(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'CertificateSigning',
    handles: (operation, resource, subresource) =>
      operation === 'UPDATE' &&
      isSameKind(resource, certificateSigningRequests) &&
      subresource === 'status',
    async validate(request) {
      const before = oldObjectOf(request, certificateSigningRequests).status;
      const after = objectOf(request, certificateSigningRequests).status;
      const isSame =
        before?.certificate === after?.certificate &&
        semanticEqual(before?.conditions ?? [], after?.conditions ?? []);
      if (isSame) return;
      const signer = signerOf(request);
      if (await mayFor(authorizer, request.user, { verb: 'sign', signer })) return;
      throw refuse(
        request,
        `user not permitted to sign requests with signerName ${JSON.stringify(signer)}`,
      );
    },
  };
}

/** As it is stored: an update may not choose another signer. */
function signerOf(request: AdmissionRequest): string {
  return oldObjectOf(request, certificateSigningRequests).spec.signerName;
}

/** Permission may be for one signer or for all of its domain. */
async function mayFor(
  authorizer: Authorizer,
  user: UserInfo,
  { verb, signer }: { readonly verb: string; readonly signer: string },
): Promise<boolean> {
  for (const name of [signer, `${signer.split('/', 1)[0]}/*`]) {
    const { verdict } = await authorizer.authorize({
      user,
      verb,
      name,
      isResourceRequest: true,
      apiGroup: 'certificates.k8s.io',
      apiVersion: '*',
      resource: 'signers',
      subresource: '',
      namespace: '',
      path: '',
    });
    if (verdict === 'Allow') return true;
  }
  return false;
}

/** The signer for clients of the API server signs nothing for `system:masters`. */
export const certificateSubjectRestriction: AdmissionPlugin = {
  name: 'CertificateSubjectRestriction',
  handles: (operation, resource, subresource) =>
    operation === 'CREATE' &&
    isSameKind(resource, certificateSigningRequests) &&
    subresource === '',
  validate(request) {
    const { signerName, request: pem } = objectOf(request, certificateSigningRequests).spec;
    if (signerName !== signerNames.apiServerClient) return;
    let organizations: readonly string[];
    try {
      ({ organizations } = parseCertificateRequest(pem));
    } catch (error) {
      throw refuse(request, `failed to parse CSR: ${(error as Error).message}`);
    }
    if (!organizations.includes(privilegedGroup)) return;
    throw refuse(request, `use of ${signerName} signer with system:masters group is not allowed`);
  },
};
