import type {
  AdmissionContext,
  AdmissionRequest,
} from '#main/control-plane/apiserver/admission/plugin.ts';
import { aggregate } from '#main/control-plane/apiserver/admission/refusal.ts';
import type { Authorizer } from '#main/control-plane/apiserver/authorization/authorizer.ts';
import { persistentVolumeClaims } from '#shared/api/core/persistent-volume-claim.ts';
import { persistentVolumes } from '#shared/api/core/persistent-volume.ts';
import { csiDrivers } from '#shared/api/storage/csi-driver.ts';
import type { TokenRequest } from '#shared/api/types/authentication-v1.ts';
import type { Pod, Volume } from '#shared/api/types/core-v1.ts';
import { ApiError, notFound } from '#shared/kube/errors.ts';

/**
 * Why a node may not have a token for the audience that it asks for: the pod's volumes do not speak
 * of it, and the node was not permitted it either.
 */
export async function audienceComplaint(
  pod: Pod,
  request: AdmissionRequest,
  context: AdmissionContext & { readonly authorizer: Authorizer },
): Promise<string | undefined> {
  const { audiences } = (request.object as unknown as TokenRequest).spec;
  const [audience = '', ...others] = audiences ?? [];
  if (others.length > 0) return 'node may only request 0 or 1 audiences';
  const errors: string[] = [];
  for (const volume of pod.spec?.volumes ?? []) {
    try {
      if (speaksOf(volume, audience, { pod, objects: context.objects })) return undefined;
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
      errors.push(error.message);
    }
  }
  const shown = JSON.stringify(audience);
  if (errors.length > 0) return `error validating audience ${shown}: ${aggregate(errors)}`;
  const { user, namespace, name } = request;
  const { verdict } = await context.authorizer.authorize({
    user,
    verb: 'request-serviceaccounts-token-audience',
    isResourceRequest: true,
    apiGroup: '',
    apiVersion: 'v1',
    resource: audience,
    subresource: '',
    namespace,
    name,
    path: '',
  });
  if (verdict === 'Allow') return undefined;
  return `audience ${shown} not found in pod spec volume, ${user.name} is not authorized to request tokens for this audience`;
}

interface Surroundings {
  readonly pod: Pod;
  readonly objects: AdmissionContext['objects'];
}

function speaksOf(volume: Volume, audience: string, { pod, objects }: Surroundings): boolean {
  for (const { serviceAccountToken } of volume.projected?.sources ?? []) {
    if (serviceAccountToken && (serviceAccountToken.audience ?? '') === audience) return true;
  }
  const driver = driverOf(volume, { pod, objects });
  if (!driver) return false;
  const found = objects.get(csiDrivers, { name: driver });
  if (!found) throw notFound({ group: 'storage.k8s.io', plural: 'csidriver' }, driver);
  return (found.spec.tokenRequests ?? []).some((token) => (token.audience ?? '') === audience);
}

function driverOf(volume: Volume, { pod, objects }: Surroundings): string | undefined {
  const { namespace, name: podName } = pod.metadata;
  const claimName = volume.ephemeral?.volumeClaimTemplate
    ? `${podName}-${volume.name}`
    : volume.persistentVolumeClaim?.claimName;
  if (claimName === undefined) return volume.csi?.driver;
  const claim = objects.get(persistentVolumeClaims, { namespace, name: claimName });
  if (!claim) throw notFound({ group: '', plural: 'persistentvolumeclaim' }, claimName);
  const volumeName = claim.spec?.volumeName ?? '';
  const bound = objects.get(persistentVolumes, { name: volumeName });
  if (!bound) throw notFound({ group: '', plural: 'persistentvolume' }, volumeName);
  return bound.spec?.csi?.driver;
}
