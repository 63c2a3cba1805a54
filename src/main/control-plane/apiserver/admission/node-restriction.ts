import {
  admitNode,
  admitSigningRequest,
} from '#main/control-plane/apiserver/admission/node-itself.ts';
import {
  admitClaimStatus,
  admitPod,
  admitToken,
} from '#main/control-plane/apiserver/admission/node-pods.ts';
import type {
  AdmissionContext,
  AdmissionPlugin,
  AdmissionRequest,
} from '#main/control-plane/apiserver/admission/plugin.ts';
import { isSameKind, refuse } from '#main/control-plane/apiserver/admission/refusal.ts';
import { objectOf, oldObjectOf } from '#main/control-plane/apiserver/admission/request-objects.ts';
import type { UserInfo } from '#main/control-plane/apiserver/authentication/authenticator.ts';
import { nodesGroup, nodeUserPrefix } from '#main/control-plane/apiserver/authentication/users.ts';
import type { Authorizer } from '#main/control-plane/apiserver/authorization/authorizer.ts';
import { certificateSigningRequests } from '#shared/api/certificates/certificate-signing-request.ts';
import { leases } from '#shared/api/coordination/lease.ts';
import { nodes } from '#shared/api/core/node.ts';
import { persistentVolumeClaims } from '#shared/api/core/persistent-volume-claim.ts';
import { pods } from '#shared/api/core/pod.ts';
import { serviceAccounts } from '#shared/api/core/service-account.ts';
import { resourceSlices } from '#shared/api/resource/resource-slice.ts';
import { csiNodes } from '#shared/api/storage/csi-node.ts';
import type { Resource } from '#shared/kube/resource.ts';

const leaseNamespace = 'kube-node-lease';
const restricted: readonly Pick<Resource, 'group' | 'plural'>[] = [
  pods,
  nodes,
  persistentVolumeClaims,
  serviceAccounts,
  leases,
  csiNodes,
  resourceSlices,
  certificateSigningRequests,
];

/** A kubelet writes about itself and its own pods, and about nothing else. */
export function nodeRestriction(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'NodeRestriction',
    handles: (operation, resource) =>
      operation !== 'CONNECT' && restricted.some((kind) => isSameKind(resource, kind)),
    admit(request, context) {
      const node = nodeOf(request.user);
      if (node === undefined) return undefined;
      if (!node) {
        throw refuse(
          request,
          `could not determine node from user ${JSON.stringify(request.user.name)}`,
        );
      }
      return admit(node, request, { ...context, authorizer });
    },
  };
}

/** Nothing for who is no node; '' for a node without a name. */
function nodeOf({ name, groups }: UserInfo): string | undefined {
  if (!name.startsWith(nodeUserPrefix) || !groups.includes(nodesGroup)) return undefined;
  return name.slice(nodeUserPrefix.length);
}

function admit(
  node: string,
  request: AdmissionRequest,
  context: AdmissionContext & { readonly authorizer: Authorizer },
): Promise<void> | void {
  const { resource, subresource } = request;
  if (isSameKind(resource, pods)) return admitPod(node, request, context);
  if (isSameKind(resource, nodes)) return admitNode(node, request);
  if (isSameKind(resource, persistentVolumeClaims)) {
    if (subresource !== 'status') throw refuse(request, 'may only update PVC status');
    return admitClaimStatus(node, request);
  }
  if (isSameKind(resource, serviceAccounts)) {
    const isToken = request.operation === 'CREATE' && subresource === 'token';
    return isToken ? admitToken(node, request, context) : undefined;
  }
  if (isSameKind(resource, leases)) return admitLease(node, request);
  if (isSameKind(resource, csiNodes)) return admitOwnName(node, request, 'CSINode');
  if (isSameKind(resource, resourceSlices)) return admitSlice(node, request);
  return admitSigningRequest(node, request);
}

function admitLease(node: string, request: AdmissionRequest): void {
  if (request.namespace !== leaseNamespace) {
    throw refuse(
      request,
      `can only access leases in the ${JSON.stringify(leaseNamespace)} system namespace`,
    );
  }
  admitOwnName(node, request, 'node lease');
}

function admitOwnName(node: string, request: AdmissionRequest, what: string): void {
  const name = request.operation === 'CREATE' ? request.object?.metadata.name : request.name;
  if (name === node) return;
  throw refuse(request, `can only access ${what} with the same name as the requesting node`);
}

function admitSlice(node: string, request: AdmissionRequest): void {
  const { operation } = request;
  if (operation === 'UPDATE') return;
  const slice =
    operation === 'CREATE'
      ? objectOf(request, resourceSlices)
      : oldObjectOf(request, resourceSlices);
  if (slice?.spec.nodeName === node) return;
  throw refuse(
    request,
    `can only ${operation === 'CREATE' ? 'create' : 'delete'} ResourceSlice with the same NodeName as the requesting node`,
  );
}
